"""The vendors' own routes of text-gen with the model's own provider behind: what is passed on, edited and counted."""

import gc
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from electrons.errors import ProviderRejectedError
from electrons.testing import TestClient
from tests.unit.gateway import CHAT, HELLO, MESSAGES, RESPONSES, Gateway, chunk, streamed
from text_gen.routes import app
from text_gen.settings import TextSettings

COMPLETION = b'{"id": "x", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}, "n": 1.50}'
MESSAGE = b'{"id": "x", "usage": {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 10}}'

CHUNKS = [
    chunk(choices=[{"index": 0, "delta": {"content": "Hello there, how are you"}}], usage=None),
    chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None),
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 9}),
    b"data: [DONE]\n\n",
]


async def test_request_and_response_pass_byte_for_byte() -> None:
    gateway = Gateway(httpx2.Response(200, content=COMPLETION))
    body = b'{ "temperature": 0.0, "model":"openai:gpt-4o-mini", "messages": [], "x": "\\u00e9" }'

    answer = await gateway.send(CHAT, body, headers={"Authorization": "Bearer theirs", "OpenAI-Beta": "a=b"})

    assert (answer.status, answer.body) == (200, COMPLETION)
    (request,) = gateway.requests
    assert str(request.url) == "https://api.openai.com/v1/chat/completions"
    assert request.content == body.replace(b"openai:", b"")
    assert request.headers["Authorization"] == "Bearer test-key-0001"
    assert request.headers["openai-beta"] == "a=b"
    row = await gateway.row()
    assert (row["provider"], row["model"], row["input_units"], row["output_units"]) == ("openai", "gpt-4o-mini", 3, 1)


EMBEDDING = {"object": "embedding", "index": 0, "embedding": [0.25] * 100_000}
LARGE = json.dumps({"data": [EMBEDDING] * 3, "usage": {"prompt_tokens": 5, "total_tokens": 5}}).encode()


async def test_large_answer_is_handed_on_and_counted() -> None:
    gateway = Gateway(httpx2.Response(200, content=LARGE))

    answer = await gateway.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello"})

    assert (answer.status, answer.body) == (200, LARGE)
    assert answer.headers.get("Content-Type") == "application/json"
    row = await gateway.row()
    assert (row["input_units"], row["output_units"], row["status"]) == (5, 0, 200)


async def test_interrupted_large_answer_breaks_off_and_is_counted() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield LARGE[:-100]
        raise httpx2.ReadError("lost")

    gateway = Gateway(httpx2.Response(200, content=body()))

    answer = await gateway.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello"})

    assert answer.body == LARGE[:-100]
    row = await gateway.row()
    assert (row["error_code"], row["status"]) == ("PROVIDER_ERROR", 200)
    assert row["input_units"] > 0


async def test_failed_call_leaves_nothing_for_a_collection() -> None:
    gateway = Gateway(httpx2.Response(400, json={"error": {"message": "longer than a novel"}}))
    gc.disable()
    try:
        await gateway.send(CHAT, {"model": "gpt-4o-mini", "messages": HELLO})

        failures = [each for each in gc.get_objects() if isinstance(each, ProviderRejectedError)]
        assert [each for each in failures if "longer than a novel" in each.message] == []
    finally:
        gc.enable()


async def test_version_of_the_caller_passes_and_its_key_does_not() -> None:
    gateway = Gateway(httpx2.Response(200, content=MESSAGE))
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "a,b", "x-api-key": "theirs"}

    answer = await gateway.send(MESSAGES, {"model": "claude-sonnet-4-6", "messages": HELLO}, headers)

    assert (answer.status, answer.body) == (200, MESSAGE)
    (request,) = gateway.requests
    assert str(request.url) == "https://api.anthropic.com/v1/messages"
    assert request.headers.get_list("anthropic-version") == ["2026-10-21"]
    assert request.headers["anthropic-beta"] == "a,b"
    assert request.headers["x-api-key"] == "test-key-0002"
    assert (await gateway.row())["input_units"] == 13


async def test_version_is_ours_where_the_caller_names_none() -> None:
    gateway = Gateway(httpx2.Response(200, content=MESSAGE))

    await gateway.send(MESSAGES, {"model": "claude-sonnet-4-6", "messages": HELLO})

    assert gateway.requests[0].headers["anthropic-version"] == "2023-06-01"


async def test_retired_name_is_replaced() -> None:
    gateway = Gateway(httpx2.Response(200, content=MESSAGE))

    await gateway.send(MESSAGES, {"model": "claude-sonnet-4-20250514", "messages": HELLO})

    assert json.loads(gateway.requests[0].content)["model"] == "claude-sonnet-4-6"


async def test_fine_tuned_model_is_openais() -> None:
    gateway = Gateway(httpx2.Response(200, content=COMPLETION))

    await gateway.send(CHAT, {"model": "ft:gpt-4o-mini:acme::1", "messages": HELLO})

    assert json.loads(gateway.requests[0].content)["model"] == "ft:gpt-4o-mini:acme::1"


@pytest.mark.parametrize(("path", "status"), [(CHAT, 404), (MESSAGES, 404)])
async def test_unknown_provider_is_a_missing_model(path: str, status: int) -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send(path, {"model": "nobody:gpt", "messages": HELLO})

    assert answer.status == status
    assert "`nobody:gpt`" in answer.json()["error"]["message"]
    assert gateway.requests == []


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b"{}", b'{"model": 7}', b'{"model": ""}', b'{"model": "gpt", "stream": 1}']
)
async def test_bad_body_costs_nothing(body: bytes) -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send(CHAT, body)

    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert gateway.requests == []
    assert await gateway.bindings.database.query("SELECT * FROM usage") == []


async def test_missing_secret_is_named() -> None:
    client = TestClient(app, settings=TextSettings(auth_mode="open"))

    answer = await client.request("POST", CHAT, json={"model": "gpt-4o", "messages": HELLO})

    assert answer.status == 500
    assert "OPENAI_API_KEY" in answer.json()["error"]["message"]


async def test_stream_with_usage_passes_untouched() -> None:
    gateway = Gateway(streamed(*CHUNKS))

    answer = await gateway.send(
        CHAT, {"model": "gpt-4o", "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    )

    assert answer.body == b"".join(CHUNKS)
    row = await gateway.row()
    assert (row["input_units"], row["output_units"], row["status"]) == (3, 9, 200)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
async def test_usage_that_was_not_asked_for_is_taken_out(size: int, newline: bytes) -> None:
    stream = b"".join(CHUNKS).replace(b"\n", newline)
    gateway = Gateway(streamed(*(stream[start : start + size] for start in range(0, len(stream), size))))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO, "stream": True})

    assert json.loads(gateway.requests[0].content)["stream_options"] == {"include_usage": True}
    assert answer.body == (CHUNKS[0] + CHUNKS[1] + CHUNKS[3]).replace(b',"usage":null', b"")
    row = await gateway.row()
    assert (row["input_units"], row["output_units"]) == (3, 9)


async def test_stream_without_a_blank_line_at_its_end_is_whole() -> None:
    gateway = Gateway(streamed(*CHUNKS[:-1], b"data: [DONE]\n"))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO, "stream": True})

    assert answer.body.endswith(b"data: [DONE]\n")
    assert (await gateway.row())["error_code"] is None


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
async def test_stream_without_its_end_fails_in_the_dialect(path: str) -> None:
    gateway = Gateway(streamed(CHUNKS[0]))
    model = "claude-sonnet-4-6" if path == MESSAGES else "gpt-4o"

    answer = await gateway.send(path, {"model": model, "messages": HELLO, "stream": True})

    last = answer.frames[-1].strip()
    document = json.loads(last.partition("data: ")[2])
    assert "interrupted" in document["error"]["message"]
    assert last.startswith("data: ") if path == CHAT else last.startswith("event: error\ndata: ")
    row = await gateway.row()
    assert (row["error_code"], row["output_units"]) == ("PROVIDER_ERROR", 6)
    assert row["input_units"] > 0


async def test_stream_of_another_type_is_unreadable() -> None:
    gateway = Gateway(streamed(b"{}", content_type="application/json"))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO, "stream": True})

    assert (answer.status, answer.json()["error"]["type"]) == (502, "server_error")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]"])
async def test_unreadable_response_is_an_error_and_counted(content: bytes) -> None:
    gateway = Gateway(httpx2.Response(200, content=content))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO})

    assert (answer.status, answer.json()["error"]["type"]) == (502, "server_error")
    assert (await gateway.row())["input_units"] > 0


async def test_error_with_status_200_is_an_error() -> None:
    gateway = Gateway(httpx2.Response(200, json={"error": {"message": "Slow down", "code": 429}}))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO})

    assert (answer.status, answer.json()["error"]["message"]) == (429, "Slow down")
    assert (await gateway.row())["input_units"] == 0


async def test_error_of_the_vendor_passes_with_its_status() -> None:
    error = {"message": "Bad tool", "type": "invalid_request_error", "param": "tools", "code": "bad"}
    gateway = Gateway(httpx2.Response(400, json={"error": error}))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO})

    assert (answer.status, answer.json()) == (400, {"error": error})
    row = await gateway.row()
    assert (row["status"], row["error_code"], row["input_units"]) == (400, "PROVIDER_REJECTED", 0)


async def test_error_about_our_key_does_not_show_it() -> None:
    error = {"message": "Incorrect API key provided: test-key-0001", "code": "invalid_api_key"}
    gateway = Gateway(httpx2.Response(401, json={"error": error}))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO})

    assert (answer.status, answer.headers.get("x-should-retry")) == (502, "false")
    assert b"test-key" not in answer.body


async def test_key_in_a_passed_error_is_hidden() -> None:
    gateway = Gateway(httpx2.Response(400, json={"error": {"message": "Bad header test-key-0001"}}))

    answer = await gateway.send(CHAT, {"model": "gpt-4o", "messages": HELLO})

    assert answer.json()["error"]["message"] == "Bad header ***"


async def test_timeout_is_counted_and_not_to_be_retried() -> None:
    gateway = Gateway(httpx2.ReadTimeout("slow"))

    answer = await gateway.send(MESSAGES, {"model": "claude-sonnet-4-6", "messages": HELLO})

    assert (answer.status, answer.json()["error"]["type"]) == (504, "timeout_error")
    assert answer.headers.get("x-should-retry") == "false"
    assert (await gateway.row())["input_units"] > 0


async def test_tokens_over_the_limit_are_refused_in_the_dialect() -> None:
    gateway = Gateway(httpx2.Response(200, content=MESSAGE), rate_limit_policy='"tokens";q=100;qu="tokens";w=60')

    answer = await gateway.send(MESSAGES, {"model": "claude-sonnet-4-6", "max_tokens": 5000, "messages": HELLO})

    assert (answer.status, answer.json()["error"]["type"]) == (429, "rate_limit_error")
    assert gateway.requests == []


async def test_embeddings_pass_and_are_counted() -> None:
    content = b'{"object": "list", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}'
    gateway = Gateway(httpx2.Response(200, content=content))

    answer = await gateway.send("/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello"})

    assert answer.body == content
    assert str(gateway.requests[0].url).endswith("/v1/embeddings")
    assert (await gateway.row())["input_units"] == 8


async def test_embeddings_of_another_vendor_are_refused_by_the_model() -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send("/v1/embeddings", {"model": "claude-sonnet-4-6", "input": "Hello"})

    assert (answer.status, answer.json()["error"]["param"]) == (400, "model")


async def test_tokens_are_counted_by_the_vendor_or_estimated() -> None:
    gateway = Gateway(httpx2.Response(200, content=b'{"input_tokens": 12}'))
    path = "/v1/messages/count_tokens"

    theirs = await gateway.send(path, {"model": "claude-sonnet-4-6", "messages": HELLO})
    ours = await gateway.send(path, {"model": "openai:gpt-4o", "messages": HELLO})

    assert theirs.json() == {"input_tokens": 12}
    assert ours.json()["input_tokens"] > 10
    assert len(gateway.requests) == 1
