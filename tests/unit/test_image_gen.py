"""image-gen without a runtime: requests of older clients, and images that are missing."""

import base64
import json
from fractions import Fraction
from io import BytesIO
from typing import Any

import httpx2
import pytest
from PIL import Image

from electrons.settings import Secret
from electrons.testing import TestClient
from electrons.testing.client import TestResponse
from image_gen.models import ImageOptions
from image_gen.routes import app
from image_gen.settings import ImageSettings

KEYS = {"IDEOGRAM_API_KEY": Secret("key-1"), "OPENAI_API_KEY": Secret("key-2")}
LINK = "https://ideogram.ai/api/images/ephemeral/a.png"


def draw() -> bytes:
    file = BytesIO()
    Image.new("RGB", (32, 16)).save(file, format="PNG")
    return file.getvalue()


PNG = draw()


class Vendors:
    """Both vendors' answers, and what they were asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(200, content=PNG)
        self.requests.append(request)
        ideogram = {"data": [{"url": LINK, "seed": 1, "is_image_safe": True}]}
        openai = {"data": [{"b64_json": base64.b64encode(PNG).decode()}]}
        is_ideogram = "ideogram" in request.url.host
        return httpx2.Response(
            200, json=self.answers.get("ideogram" if is_ideogram else "openai", ideogram if is_ideogram else openai)
        )


@pytest.mark.parametrize("path", ["/generate", "/v1/images/generations"])
async def test_unknown_default_is_an_error_of_the_deployment(path: str) -> None:
    settings = ImageSettings(auth_mode="open", declared=KEYS, default_image_model="midjourney:v7")
    client = TestClient(app, settings=settings, http=httpx2.MockTransport(Vendors()))

    answer = await client.request("POST", path, json={"prompt": "A cat"})

    assert answer.status == 500
    assert "`DEFAULT_IMAGE_MODEL`: Unknown provider `midjourney`" in answer.body.decode()


async def generate(vendors: Vendors, **fields: Any) -> TestResponse:
    settings = ImageSettings(auth_mode="open", declared=KEYS)
    client = TestClient(app, settings=settings, http=httpx2.MockTransport(vendors))
    return await client.request("POST", "/generate", json={"prompt": "A cat", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "openai:gpt-image-2"},
        {"model_id": "openai:gpt-image-2"},
        {"options": {"model": "openai:gpt-image-2"}},
        {"options": {"model_id": "openai:gpt-image-2"}},
        {"model": "openai:gpt-image-2", "model_id": "ideogram:v3"},
        {"model_id": "openai:gpt-image-2", "options": {"model_id": "ideogram:v3"}},
        {"model_id": "dall-e-3"},
        {"model_id": "gpt-image-1.5"},
    ],
)
async def test_model_under_any_of_its_names_answers(fields: dict[str, Any]) -> None:
    body = (await generate(Vendors(), **fields)).json()

    assert (body["metadata"]["provider"], body["metadata"]["model"]) == ("openai", "gpt-image-2")


@pytest.mark.parametrize(
    ("usage", "cost"),
    [({"input_tokens": 9, "output_tokens": 1_056}, "0.031725"), ({}, "0.491535"), ({"input_tokens": 1}, "0.491535")],
)
async def test_image_costs_its_tokens_or_what_was_reserved(usage: dict[str, int], cost: str) -> None:
    openai = {"data": [{"b64_json": base64.b64encode(PNG).decode()}], "usage": usage}

    answer = await generate(Vendors(openai=openai), model="openai:gpt-image-2")

    assert answer.headers.get("X-Estimated-Cost-USD") == cost


@pytest.mark.parametrize("fields", [{"model_id": 5}, {"options": {"model_id": ["a"]}}])
async def test_model_of_another_type_is_refused(fields: dict[str, Any]) -> None:
    response = await generate(Vendors(), **fields)

    assert (response.status, response.json()["error_code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("absent", [None, ""])
async def test_null_and_empty_fields_count_as_absent(absent: str | None) -> None:
    names = ("aspect_ratio", "resolution", "style", "seed", "negative_prompt", "quality", "model", "model_id")
    vendors = Vendors()

    body = (await generate(vendors, model=absent, model_id=absent, options=dict.fromkeys(names, absent))).json()

    assert (body["metadata"]["provider"], body["metadata"]["model"]) == ("ideogram", "v3")
    assert "warnings" not in body["metadata"]
    assert vendors.requests[0].content.count(b"Content-Disposition") == 1


async def test_unknown_fields_are_named_in_the_warnings() -> None:
    body = (await generate(Vendors(), width=5, options={"style": "anime", "steps": 20})).json()

    warnings = " ".join(body["metadata"]["warnings"])
    assert all(name in warnings for name in ("`width`", "`options.steps`", "style ANIME"))


async def test_image_without_a_seed_is_stored() -> None:
    vendors = Vendors(ideogram={"data": [{"url": LINK, "prompt": "x", "seed": None, "is_image_safe": True}]})

    body = (await generate(vendors)).json()

    assert body["metadata"]["dimensions"] == "32x16"
    assert "seed" not in body["metadata"]
    assert "warnings" not in body["metadata"]


async def test_one_unreadable_image_of_two_is_missing_with_a_warning() -> None:
    images = [{"b64_json": None}, {"b64_json": base64.b64encode(PNG).decode()}]

    response = await generate(Vendors(openai={"data": images}), model="openai:gpt-image-2", options={"num_images": 2})

    body = response.json()
    assert len(body["images"]) == 1
    (warning,) = body["metadata"]["warnings"]
    assert warning.startswith("1 of 2 images is missing, though OpenAI made it and charges for it")


async def test_generation_without_a_readable_image_may_be_paid() -> None:
    response = await generate(Vendors(openai={"data": [{"b64_json": None}]}), model="openai:gpt-image-2")

    assert response.status == 502
    assert response.json()["details"]["outcome"] == "unknown"


@pytest.mark.parametrize(
    ("style", "sent", "warning"),
    [
        ("realistic", "REALISTIC", None),
        ("artistic", "GENERAL", None),
        ("anime", None, "Ideogram v3 does not take style ANIME; it was left out"),
        ("3d", None, "Ideogram v3 does not take style 3D; it was left out"),
    ],
)
async def test_style_of_an_older_client_is_mapped_or_left_out(
    style: str, sent: str | None, warning: str | None
) -> None:
    vendors = Vendors()

    body = (await generate(vendors, options={"style": style})).json()

    content = vendors.requests[0].content.decode()
    assert (f'name="style_type"\r\n\r\n{sent}\r\n' in content) is (sent is not None)
    assert ("style" in content) is (sent is not None)
    assert body["metadata"].get("warnings", []) == ([warning] if warning else [])


@pytest.mark.parametrize("resolution", ["720", "480", 720, 480, "720p"])
@pytest.mark.parametrize("model", ["ideogram:v3", "ideogram:v4", "openai:gpt-image-2"])
async def test_resolution_of_one_edge_is_left_out_with_a_warning(resolution: str | int, model: str) -> None:
    response = await generate(Vendors(), model=model, options={"resolution": resolution})

    assert response.status == 200
    (warning,) = response.json()["metadata"]["warnings"]
    assert warning.startswith(f"resolution {resolution} is not a width and a height; it was left out")


async def test_resolution_of_one_edge_and_a_shape_becomes_a_size() -> None:
    vendors = Vendors()

    body = (await generate(vendors, model="gpt-image-2", options={"resolution": "720", "aspect_ratio": "16:9"})).json()

    assert json.loads(vendors.requests[0].content)["size"] == "1280x720"
    assert "warnings" not in body["metadata"]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"resolution": "720", "aspect_ratio": "16:9"}, (1280, 720)),
        ({"resolution": "720p", "aspect_ratio": "9:16"}, (720, 1280)),
        ({"resolution": 480, "aspect_ratio": "1:1"}, (480, 480)),
        ({"resolution": "480", "aspect_ratio": "16:9"}, None),
        ({"resolution": "480"}, None),
        ({"resolution": "1280x720", "aspect_ratio": "1:1"}, (1280, 720)),
        ({"resolution": "RESOLUTION_1024_768"}, (1024, 768)),
        ({"aspect_ratio": "1:1"}, None),
    ],
)
def test_resolution_has_a_size_in_whole_pixels(options: dict[str, Any], size: tuple[int, int] | None) -> None:
    assert ImageOptions.model_validate(options).size == size


def test_ratio_may_be_written_in_any_way() -> None:
    for text in ("16:9", "16x9", "16/9", "ASPECT_16_9"):
        assert ImageOptions.model_validate({"aspect_ratio": text}).ratio == Fraction(16, 9)


def noise(size: int) -> bytes:
    file = BytesIO()
    Image.effect_noise((size, size), 90).convert("RGB").save(file, format="PNG")
    return file.getvalue()


async def test_large_images_of_one_response_are_stored_in_order() -> None:
    large, small = noise(400), noise(20)
    assert len(large) > 256 * 1024
    encoded = [base64.b64encode(content).decode() for content in (large, small, large)]
    images = [{"b64_json": text, "revised_prompt": f"Cat {index}"} for index, text in enumerate(encoded)]
    settings = ImageSettings(auth_mode="open", declared=KEYS)
    vendors = Vendors(openai={"data": images})
    client = TestClient(app, settings=settings, http=httpx2.MockTransport(vendors))

    body = (await client.request("POST", "/generate", json={"prompt": "A cat", "model": "gpt-image-2"})).json()

    assert [image["size_bytes"] for image in body["images"]] == [len(large), len(small), len(large)]
    assert [image["prompt"] for image in body["images"]] == ["Cat 0", "Cat 1", "Cat 2"]
    assert [image["width"] for image in body["images"]] == [400, 20, 400]
    for image, content in zip(body["images"], (large, small, large), strict=True):
        path = "/" + image["image_url"].split("/", 3)[3]
        assert (await client.request("GET", path)).body == content


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (base64.b64encode(bytes(400_000)).decode(), "not a PNG, JPEG or WebP"),
        ("QQ==" * 100_000, "not valid base64"),
        (base64.b64encode(bytes(21_000_000)).decode(), "larger than 20971520 bytes (`MAX_IMAGE_BYTES`)"),
    ],
    ids=["not an image", "not base64", "too large"],
)
async def test_large_image_that_is_lost_leaves_the_others(broken: str, reason: str) -> None:
    images = [{"b64_json": broken}, {"b64_json": base64.b64encode(PNG).decode()}]

    body = (await generate(Vendors(openai={"data": images}), model="gpt-image-2")).json()

    assert len(body["images"]) == 1
    (warning,) = body["metadata"]["warnings"]
    assert warning.startswith("1 of 2 images is missing, though OpenAI made it and charges for it")
    assert reason in warning
