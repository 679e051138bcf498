"""`POST /v1/images/generations`: OpenAI's request to OpenAI, and to Ideogram."""

import io
import json
from base64 import b64decode, b64encode
from typing import Any

import httpx2
import pytest
from PIL import Image

from electrons.providers.openai.provider import OpenAIProvider
from electrons.settings import Secret
from electrons.testing import TestClient, TestResponse
from electrons.testing.bindings import create_memory_bindings
from electrons.usage import Units, Usage
from image_gen.routes import app
from image_gen.settings import ImageSettings
from image_gen.usage_meter import UsageMeter

SETTINGS = ImageSettings(
    auth_mode="open",
    max_retries=0,
    declared={"OPENAI_API_KEY": Secret("test-key-0001"), "IDEOGRAM_API_KEY": Secret("test-key-0002")},
)
LINK = "https://ideogram.ai/api/images/ephemeral/one.png"


def png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "PNG")
    return content.getvalue()


USAGE = {"input_tokens": 3, "output_tokens": 400, "total_tokens": 403, "input_tokens_details": {"text_tokens": 3}}
COST = 3 * 5 + 400 * 30
FROM_OPENAI = {"created": 7, "data": [{"b64_json": b64encode(png()).decode()}], "usage": USAGE}
FROM_IDEOGRAM = {"data": [{"url": LINK, "is_image_safe": True, "prompt": "A cat, wide", "seed": 1}]}


async def draw(
    events: bytes | None = None, **fields: Any
) -> tuple[TestResponse, list[httpx2.Request], list[dict[str, Any]]]:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        if str(request.url) == LINK:
            return httpx2.Response(200, content=png())
        if events is not None:
            return httpx2.Response(200, content=events, headers={"Content-Type": "text/event-stream"})
        return httpx2.Response(200, json=FROM_OPENAI if request.url.host == "api.openai.com" else FROM_IDEOGRAM)

    bindings = create_memory_bindings()
    client = TestClient(app, settings=SETTINGS, bindings=bindings, http=httpx2.MockTransport(respond))
    answer = await client.request("POST", "/v1/images/generations", json={"prompt": "A cat", **fields})
    return answer, requests, [dict(row) for row in await bindings.database.query("SELECT * FROM usage")]


async def test_openais_request_and_images_pass_unchanged() -> None:
    answer, (request,), (row,) = await draw(model="openai:gpt-image-2", n=2, background="transparent")

    assert answer.json() == FROM_OPENAI
    sent = {"prompt": "A cat", "model": "gpt-image-2", "n": 2, "background": "transparent"}
    assert json.loads(request.content) == sent
    assert (row["provider"], row["unit"], row["output_units"]) == ("openai", "images", 2)
    assert row["estimated_cost_microusd"] == COST


async def test_base64_is_not_asked_of_openai_by_name() -> None:
    _, (request,), _ = await draw(model="gpt-image-2", response_format="b64_json")

    assert json.loads(request.content) == {"prompt": "A cat", "model": "gpt-image-2"}


async def test_links_to_openais_images_lead_to_stored_files() -> None:
    answer, (request,), _ = await draw(model="gpt-image-2", response_format="url")

    (image,) = answer.json()["data"]
    assert image["url"].startswith("https://image-gen.example/images/")
    assert "response_format" not in json.loads(request.content)


@pytest.mark.parametrize("wanted", [None, "url"])
async def test_ideograms_images_are_stored_links(wanted: str | None) -> None:
    answer, requests, (row,) = await draw(model="ideogram:v3", size="1024x1024", response_format=wanted)

    (image,) = answer.json()["data"]
    assert image["url"].startswith("https://image-gen.example/images/")
    assert image["revised_prompt"] == "A cat, wide"
    assert answer.json()["created"] > 0
    assert len(requests) == 2
    assert (row["provider"], row["output_units"]) == ("ideogram", 1)


async def test_ideograms_images_as_base64() -> None:
    answer, _, _ = await draw(model="ideogram:v3", response_format="b64_json")

    assert b64decode(answer.json()["data"][0]["b64_json"]) == png()


async def test_default_model_of_the_deployment_answers() -> None:
    _, _, (row,) = await draw()

    assert row["provider"] == "ideogram"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", " "),
        ("n", 0),
        ("n", 11),
        ("size", "wide"),
        ("response_format", "gif"),
        ("background", "transparent"),
        ("output_format", "webp"),
        ("stream", True),
    ],
)
async def test_what_ideogram_cannot_do_is_refused_by_its_field(field: str, value: object) -> None:
    answer, requests, rows = await draw(None, **{"model": "ideogram:v3", field: value})

    assert (answer.status, answer.json()["error"]["param"]) == (400, field)
    assert (requests, rows) == ([], [])


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        (b'{"data": [{"b64_json": "aaaa"}], "usage": {"input_tokens": 1, "output_tokens": 2}}', Units(1, 2)),
        (b'aaaa"},"usage" :\n{"a":{"b":2},"input_tokens":1,"output_tokens":2},"size":"1x1"}\n\n', Units(1, 2)),
        (b'data: {"usage": {"input_tokens": 1, "output_tokens": 2}, "b64_json": "aaaa"}\n\n' * 3, Units(3, 6)),
        (b'{"usage": null, "usage": {"input_tokens": 1, "output_tokens": 2}}', Units(1, 2)),
        (b'{"usage": ' + b"[" * 2100 + b'{"usage": {"input_tokens": 1, "output_tokens": 2}}', Units(1, 2)),
        (b'{"revised_prompt": "say \\"usage\\": {\\"input_tokens\\": 1, \\"output_tokens\\": 2}"}', None),
        (b'"usage": {"input_tok', None),
        (b'"usage": {"input_tokens": 1}', None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_each_usage_of_a_response_is_found(content: bytes, tokens: Units | None, size: int) -> None:
    used = Usage(provider="openai", model="gpt-image-2", unit="images")
    meter = UsageMeter(OpenAIProvider(), used)

    for at in range(0, len(content), size):
        meter.feed(content[at : at + size])
    meter.end()

    assert used.tokens == tokens


@pytest.mark.parametrize("count", [1, 2])
async def test_stream_costs_the_tokens_of_all_its_images(count: int) -> None:
    event = {"type": "image_generation.completed", "b64_json": "aaaa" * 1000, "usage": USAGE}
    frame = f"event: image_generation.completed\ndata: {json.dumps(event)}\n\n".encode()

    answer, _, (row,) = await draw(frame * count, model="openai:gpt-image-2", n=count)

    assert answer.body == frame * count

    assert (row["estimated_cost_microusd"], row["output_units"]) == (count * COST, count)


@pytest.mark.parametrize(
    ("usage", "fields", "cost"),
    [
        ({"total_tokens": 5}, {}, 5 * 3 + 30 * 16_384),
        ({"total_tokens": 5}, {"quality": "low", "n": 2}, 5 * 3 + 30 * 2 * 1_024),
        ({"total_tokens": 5}, {"stream": True, "n": 2}, 5 * 3 + 30 * 2 * 16_384),
    ],
)
async def test_image_without_its_tokens_costs_what_was_reserved(
    monkeypatch: pytest.MonkeyPatch, usage: dict[str, int], fields: dict[str, Any], cost: int
) -> None:
    monkeypatch.setitem(FROM_OPENAI, "usage", usage)

    _, _, (row,) = await draw(model="openai:gpt-image-2", **fields)

    assert (row["estimated_cost_microusd"], row["output_units"]) == (cost, fields.get("n", 1))
