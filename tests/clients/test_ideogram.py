"""Ideogram's emulator over plain HTTP, because there is no official SDK."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.emulators.process import Emulators

V3 = "/v1/ideogram-v3/generate"
V4 = "/v1/ideogram-v4/generate"
FIELDS = {"prompt": "A photo of a cat"}


@pytest.fixture
def http(emulators: Emulators) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=emulators.url_of("ideogram"), headers={"Api-Key": "any"}, trust_env=False) as client:
        yield client


def test_v3_when_several_images_are_requested_then_all_are_pngs(http: httpx2.Client) -> None:
    answer = post_form(http, V3, {**FIELDS, "aspect_ratio": "16x9", "num_images": "2", "seed": "7"})

    body = answer.raise_for_status().json()
    assert body.keys() == {"created", "data"}
    assert [(image["seed"], image["resolution"], image["prompt"]) for image in body["data"]] == [
        (7, "1312x736", "A photo of a cat"),
        (8, "1312x736", "A photo of a cat"),
    ]
    images = [load_image(http, image["url"]) for image in body["data"]]
    assert [(image.format, image.size) for image in images] == [("PNG", (1312, 736))] * 2
    assert images[0].tobytes() != images[1].tobytes()


def test_seed_when_the_same_then_the_image_is_the_same(http: httpx2.Client) -> None:
    first, again, other = (
        post_form(http, V3, {**FIELDS, "seed": seed}).json()["data"][0]["url"] for seed in ("1", "1", "2")
    )

    assert first != again
    assert load_image(http, first).tobytes() == load_image(http, again).tobytes()
    assert load_image(http, first).tobytes() != load_image(http, other).tobytes()


@pytest.mark.parametrize("as_form", [True, False])
def test_v4_when_sent_as_form_or_json_then_one_large_image(http: httpx2.Client, *, as_form: bool) -> None:
    request = {"text_prompt": "A cat", "resolution": "2560x1440", "rendering_speed": "TURBO"}
    answer = post_form(http, V4, request) if as_form else http.post(V4, json=request)

    body = answer.raise_for_status().json()
    assert body["response_type"] == "url"
    (image,) = body["data"]
    assert image.keys() == {"prompt", "resolution", "is_image_safe", "seed", "url"}
    assert load_image(http, image["url"]).size == (2560, 1440)


def test_v4_when_the_prompt_is_structured_then_it_is_accepted(http: httpx2.Client) -> None:
    answer = http.post(V4, json={"json_prompt": {"subject": "cat"}})

    assert answer.raise_for_status().json()["data"][0]["resolution"] == "2048x2048"


def test_legacy_when_called_then_its_envelope_is_read(http: httpx2.Client) -> None:
    request = {"image_request": {"prompt": "A cat", "aspect_ratio": "ASPECT_10_16", "model": "V_2", "seed": 3}}

    (image,) = http.post("/generate", json=request).raise_for_status().json()["data"]

    assert (image["resolution"], image["seed"], image["style_type"]) == ("640x1024", 3, "GENERAL")
    assert load_image(http, image["url"]).size == (640, 1024)


def test_magic_prompt_when_on_then_the_prompt_becomes_longer(http: httpx2.Client) -> None:
    (image,) = post_form(http, V3, {**FIELDS, "magic_prompt": "ON"}).json()["data"]

    assert image["prompt"].startswith("A photo of a cat, ")


def test_reference_image_when_over_ten_megabytes_then_400(http: httpx2.Client) -> None:
    def upload(size: int) -> httpx2.Response:
        return http.post(V3, data=FIELDS, files=[("style_reference_images", ("a.png", b"x" * size, "image/png"))])

    assert upload(1000).status_code == 200
    assert upload(10 * 1024 * 1024 + 1).status_code == 400


def test_prompt_when_unsafe_then_422(http: httpx2.Client) -> None:
    answer = post_form(http, V3, {"prompt": "A [unsafe] cat"})

    assert (answer.status_code, answer.json().keys()) == (422, {"error"})


def test_image_when_unsafe_then_it_has_no_url(http: httpx2.Client) -> None:
    (image,) = post_form(http, V3, {"prompt": "A [unsafe-image] cat"}).raise_for_status().json()["data"]

    assert (image["is_image_safe"], image["url"]) == (False, None)


def test_url_when_expired_then_403(http: httpx2.Client) -> None:
    (image,) = post_form(http, V3, {"prompt": "An [expired] cat"}).json()["data"]

    assert http.get(image["url"]).status_code == 403


@pytest.mark.parametrize(("old", "new"), [("sig=", "sig=0"), ("exp=", "exp=9"), ("_files/", "_files/a")])
def test_url_when_tampered_with_then_403(http: httpx2.Client, old: str, new: str) -> None:
    (image,) = post_form(http, V3, FIELDS).json()["data"]

    assert http.get(image["url"].replace(old, new)).status_code == 403


def test_url_when_fetched_in_part_without_a_key_then_206(http: httpx2.Client) -> None:
    (image,) = post_form(http, V3, FIELDS).json()["data"]

    part = httpx2.get(image["url"], headers={"range": "bytes=0-7"}, trust_env=False)

    assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")
    assert part.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("path", "fields", "named"),
    [
        (V3, {}, "prompt"),
        (V3, {"prompt": " "}, "prompt"),
        (V3, {**FIELDS, "aspect_ratio": "16:9"}, "aspect_ratio"),
        (V3, {**FIELDS, "resolution": "1000x1000"}, "resolution"),
        (V3, {**FIELDS, "resolution": "1024x1024", "aspect_ratio": "1x1"}, "aspect_ratio"),
        (V3, {**FIELDS, "num_images": "9"}, "num_images"),
        (V3, {**FIELDS, "seed": "-1"}, "seed"),
        (V3, {**FIELDS, "rendering_speed": "SLOW"}, "rendering_speed"),
        (V3, {**FIELDS, "style_preset": "NOISE"}, "style_preset"),
        (V3, {**FIELDS, "style_type": "AUTO", "style_codes": "AAFF5733"}, "style_codes"),
        (V3, {**FIELDS, "color_palette": '{"name": "EMBER", "members": [{"color_hex": "#fff"}]}'}, "color_palette"),
        (V4, {}, "text_prompt"),
        (V4, {"text_prompt": "A cat", "json_prompt": "{}"}, "json_prompt"),
        (V4, {"text_prompt": "A cat", "resolution": "1024x1024"}, "resolution"),
        (V4, {"text_prompt": "A cat", "rendering_speed": "FLASH"}, "rendering_speed"),
    ],
)
def test_request_when_invalid_then_400_names_the_field(
    http: httpx2.Client, path: str, fields: dict[str, str], named: str
) -> None:
    answer = post_form(http, path, {**fields, "unknown": "ignored"})

    assert answer.status_code == 400
    assert named in answer.json()["error"]


@pytest.mark.parametrize(
    "image_request",
    [
        {"prompt": "A cat", "aspect_ratio": "16x9"},
        {"prompt": "A cat", "model": "V_1", "resolution": "RESOLUTION_1024_1024"},
        {"prompt": "A cat", "model": "V_2A", "negative_prompt": "dogs"},
        {"prompt": "A cat", "resolution": "RESOLUTION_1_1"},
        {},
    ],
)
def test_legacy_request_when_invalid_then_400(http: httpx2.Client, image_request: dict[str, Any]) -> None:
    assert http.post("/generate", json={"image_request": image_request}).status_code == 400


@pytest.mark.parametrize("key", ["", "invalid"])
def test_key_when_missing_or_wrong_then_401(http: httpx2.Client, key: str) -> None:
    assert http.post(V4, json={"text_prompt": "A cat"}, headers={"Api-Key": key}).status_code == 401


def test_faults_when_queued_then_each_affects_its_request(http: httpx2.Client, emulators: Emulators) -> None:
    emulators.add_fault("ideogram", kind="status", status=429, prompt_contains="limited")
    emulators.add_fault("ideogram", kind="truncate", path_contains="/_files/")

    (image,) = post_form(http, V3, FIELDS).json()["data"]
    limited = post_form(http, V3, {"prompt": "limited"})
    short, whole = http.get(image["url"]), http.get(image["url"])

    assert limited.status_code == 429
    assert len(short.content) < len(whole.content)


def post_form(http: httpx2.Client, path: str, fields: dict[str, str]) -> httpx2.Response:
    """Send a multipart form of string fields."""
    return http.post(path, files=[(name, (None, value)) for name, value in fields.items()])


def load_image(http: httpx2.Client, url: str) -> Image.Image:
    return Image.open(BytesIO(http.get(url).raise_for_status().content))
