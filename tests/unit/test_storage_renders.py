"""The table of renders."""

from dataclasses import replace

from electrons.testing import MemoryDatabase
from render_service.storage import Render, Renders

RENDER = Render(
    id="render-1",
    request_id="request-1",
    provider="shotstack",
    environment="stage",
    format="mp4",
    base_url="https://render.example",
    callback_url="https://caller.example/hook",
)


async def test_find_when_created_then_the_same_with_its_times() -> None:
    renders = Renders(MemoryDatabase())

    created = await renders.create(RENDER)

    assert await renders.find("render-1") == created
    assert created == replace(RENDER, created_at=created.created_at, updated_at=created.created_at)
    assert 0 <= created.age_seconds < 60
    assert await renders.find("render-2") is None


async def test_advance_when_it_goes_on_then_status_and_columns() -> None:
    renders = Renders(MemoryDatabase())
    await renders.create(RENDER)

    await renders.advance("render-1", "saving", provider_url="https://a.example", duration_seconds=1.5)

    found = await renders.find("render-1")
    assert found is not None
    assert (found.status, found.provider_url, found.duration_seconds) == ("saving", "https://a.example", 1.5)
    assert not found.ended


async def test_advance_when_it_has_ended_then_it_stays_as_it_is() -> None:
    renders = Renders(MemoryDatabase())
    await renders.create(RENDER)
    await renders.advance("render-1", "failed", error="first")

    await renders.advance("render-1", "done", error=None)
    await renders.note("render-1", callback_attempts=2)

    found = await renders.find("render-1")
    assert found is not None
    assert (found.status, found.error, found.callback_attempts, found.ended) == ("failed", "first", 2, True)


async def test_find_unfinished_when_some_have_ended_then_the_others() -> None:
    renders = Renders(MemoryDatabase())
    for number, (status, callback) in enumerate(
        [("queued", None), ("done", None), ("failed", "pending"), ("failed", "delivered"), ("unconfirmed", None)]
    ):
        await renders.create(replace(RENDER, id=f"render-{number}", status=status, callback_status=callback))  # type: ignore[arg-type]

    assert set(await renders.find_unfinished(limit=10)) == {"render-0", "render-2", "render-4"}
    assert len(await renders.find_unfinished(limit=2)) == 2
