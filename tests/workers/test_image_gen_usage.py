"""image-gen: what the ledger and the store have of a generation."""

from __future__ import annotations

from dataclasses import replace

import httpx2
import pytest

from electrons.bindings import StoredObject
from electrons.errors import UnavailableError
from electrons.settings import Secret
from electrons.testing import MemoryObjectStore, TestClient, create_memory_bindings
from image_gen.routes import app
from image_gen.settings import ImageSettings
from tests.platform import Platform
from tests.workers.shapes import success_of

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
LINK = "https://ideogram.ai/api/images/ephemeral/a.png"


class FullStore(MemoryObjectStore):
    """A bucket that cannot be written."""

    async def put(self, *_args: object, **_kwargs: object) -> StoredObject:
        raise UnavailableError("The object store cannot be reached; try again shortly")


def ideogram(request: httpx2.Request) -> httpx2.Response:
    if request.method == "GET":
        return httpx2.Response(200, content=PNG)
    image = {"prompt": "A cat", "seed": 7, "is_image_safe": True, "url": LINK}
    return httpx2.Response(200, json={"data": [image, image]})


def create_client(store: MemoryObjectStore) -> TestClient:
    return TestClient(
        app,
        settings=ImageSettings(
            auth_mode="open",
            public_base_url="https://media.example/",
            declared={"IDEOGRAM_API_KEY": Secret("key")},
        ),
        bindings=replace(create_memory_bindings(), IMAGE_STORAGE=store),
        http=httpx2.MockTransport(ideogram),
    )


@pytest.mark.parametrize(("model", "count"), [("ideogram:v3", 3), ("openai:gpt-image-2", 2)])
def test_usage_when_images_are_made_then_its_row_counts_them(platform: Platform, model: str, count: int) -> None:
    request = {
        "prompt": "A cat",
        "model": model,
        "options": {"num_images": count, "quality": "low"},
        "instance_id": "i-1",
        "project_id": "p-1",
    }

    body = success_of(platform.client("image-gen").post("/generate", json=request))

    (row,) = platform.usage_rows(body["request_id"])
    provider, _, name = model.partition(":")
    known = {
        "worker": "image-gen",
        "route": "/generate",
        "provider": provider,
        "model": name,
        "unit": "images",
        "input_units": 0,
        "output_units": count,
        "status": 200,
        "error_code": None,
        "instance_id": "i-1",
        "project_id": "p-1",
    }
    assert {name: row[name] for name in known} == known
    assert 0 < row["upstream_ms"] <= row["latency_ms"]


async def test_stored_image_has_a_random_name_and_metadata() -> None:
    store = MemoryObjectStore()

    answer = await create_client(store).request(
        "POST", "/generate", json={"prompt": "A cat", "project_id": "../p"}, headers={"X-Request-ID": "mine"}
    )

    body = answer.json()
    assert answer.status == 200, body
    assert body["metadata"]["dimensions"] == "1x1"
    assert len(store.objects) == 2
    for image, (key, (stored, content)) in zip(body["images"], store.objects.items(), strict=True):
        assert image["image_url"] == f"https://media.example/{key}"
        assert key.startswith("images/")
        assert content == PNG
        assert stored.content_type == "image/png"
        assert {
            name: stored.metadata[name] for name in ("worker", "request_id", "provider", "model", "project_id")
        } == {
            "worker": "image-gen",
            "request_id": "mine",
            "provider": "ideogram",
            "model": "v3",
            "project_id": "../p",
        }


async def test_unavailable_store_is_503_that_says_it_is_paid() -> None:
    client = create_client(FullStore())

    answer = await client.request("POST", "/generate", json={"prompt": "A cat"})

    body = answer.json()
    assert (answer.status, body["error_code"]) == (503, "SERVICE_UNAVAILABLE")
    assert body["error"].startswith("Ideogram made the image and charges for it, but it could not be stored: ")
    assert body["details"] == {"images_made": 2, "paid": True}
    (row,) = await client.bindings.database.query("SELECT unit, output_units, status FROM usage")
    assert row == {"unit": "images", "output_units": 2, "status": 503}


async def test_missing_bucket_is_500_before_anything_is_paid() -> None:
    client = create_client(MemoryObjectStore())
    client.bindings = replace(client.bindings, IMAGE_STORAGE=None)

    answer = await client.request("POST", "/generate", json={"prompt": "A cat"})

    assert (answer.status, answer.json()["error_code"]) == (500, "CONFIGURATION_ERROR")
    assert await client.bindings.database.query("SELECT * FROM usage") == []
