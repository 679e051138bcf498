"""stock-media without a runtime: what callers get of a provider's answers."""

from typing import Any

import httpx2
import pytest

from electrons.settings import Secret
from electrons.testing import TestClient
from electrons.testing.client import TestResponse
from stock_media.routes import app
from stock_media.settings import StockSettings

USER = {"id": 1, "name": "A", "url": "https://www.pexels.com/@a"}


def video(number: int, width: int, height: int, *files: tuple[int, int], **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "width": width,
        "height": height,
        "url": f"https://www.pexels.com/video/{number}/",
        "image": "https://images.pexels.com/x.jpg",
        "duration": 10,
        "user": USER,
        "video_files": [
            {"id": 1, "file_type": "video/mp4", "width": w, "height": h, "link": f"https://videos.pexels.com/{w}x{h}"}
            for w, h in files or [(width, height)]
        ],
        **fields,
    }


async def search(document: dict[str, Any], *, path: str = "/search/videos", **fields: Any) -> TestResponse:
    settings = StockSettings(auth_mode="open", declared={"PEXELS_API_KEY": Secret("key-1")})
    client = TestClient(
        app, settings=settings, http=httpx2.MockTransport(lambda _: httpx2.Response(200, json=document))
    )
    return await client.request("POST", path, json={"keywords": ["ocean"], **fields})


async def test_portrait_search_has_no_landscape_video() -> None:
    document = {"videos": [video(1, 1920, 1080), video(2, 1080, 1920)], "total_results": 2}

    body = (await search(document, orientation="portrait")).json()

    assert [(item["id"], item["width"], item["height"]) for item in body["media"]] == [("2", 1080, 1920)]
    assert body["total_results"] == 2
    assert body["metadata"]["warnings"] == ["1 of 2 videos were left out: not portrait"]


async def test_portrait_video_has_its_portrait_file() -> None:
    document = {"videos": [video(2, 1080, 1920, (3840, 2160), (1080, 1920))], "total_results": 1}

    body = (await search(document, orientation="portrait")).json()

    assert [item["url"] for item in body["media"]] == ["https://videos.pexels.com/1080x1920"]
    assert "warnings" not in body["metadata"]


async def test_one_bad_video_of_two_is_left_out_with_a_warning() -> None:
    document = {"videos": [video(1, 1920, 1080, duration=None), video(2, 1920, 1080)], "total_results": 2}

    body = (await search(document)).json()

    assert [item["id"] for item in body["media"]] == ["2"]
    assert body["metadata"]["warnings"] == ["1 of 2 videos from Pexels could not be read and were left out"]


async def test_search_without_readable_videos_is_a_provider_error() -> None:
    response = await search({"videos": [video(1, 1920, 1080, duration=None)], "total_results": 2})

    assert (response.status, response.json()["error_code"]) == (502, "PROVIDER_ERROR")


@pytest.mark.parametrize("path", ["/search", "/search/videos", "/search/photos"])
async def test_unknown_stock_provider_is_a_configuration_error(path: str) -> None:
    client = TestClient(app, settings=StockSettings(auth_mode="open", stock_provider="flickr"))

    response = await client.request("POST", path, json={"keywords": ["ocean"]})

    assert (response.status, response.json()["error_code"]) == (500, "CONFIGURATION_ERROR")
    assert "`STOCK_PROVIDER` must be one of pexels" in response.json()["error"]
