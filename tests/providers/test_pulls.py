"""Pull requests, at the emulator of GitHub."""

import pytest

from electrons.errors import ProviderRejectedError
from electrons.providers.github.provider import GitHubProvider
from electrons.providers.github.pulls import open_pull
from tests.providers.conftest import CreateHub

GITHUB = GitHubProvider()


async def test_pull_when_opened_then_its_page_and_again_the_same(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.branch("new", sha=hub.head())
    hub.put("a", b"x", branch="new")

    async def ask() -> str:
        return await open_pull(hub.context(), GITHUB, hub.repo, title="T", body="B", head="new", base="main")

    url = await ask()

    assert url.endswith(f"/{hub.repo}/pull/1")
    assert await ask() == url


async def test_pull_when_the_answer_is_lost_then_it_is_found(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.branch("new", sha=hub.head())
    hub.put("a", b"x", branch="new")
    hub.emulators.add_fault("github", kind="cut", method="POST", path_contains="/pulls")

    url = await open_pull(hub.context(), GITHUB, hub.repo, title="T", body="", head="new", base="main")

    assert len(hub.call("GET", f"/repos/{hub.repo}/pulls")) == 1
    assert url.endswith("/pull/1")


async def test_pull_request_without_changes_has_githubs_message(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.branch("same", sha=hub.head())

    with pytest.raises(ProviderRejectedError, match="No commits between main and same"):
        await open_pull(hub.context(), GITHUB, hub.repo, title="T", body="", head="same", base="main")


async def test_pull_when_the_search_fails_too_then_the_first_error(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.branch("same", sha=hub.head())
    hub.emulators.add_fault("github", kind="status", status=500, method="GET", path_contains="/pulls", times=9)

    with pytest.raises(ProviderRejectedError, match="No commits between main and same"):
        await open_pull(hub.context(), GITHUB, hub.repo, title="T", body="", head="same", base="main")
