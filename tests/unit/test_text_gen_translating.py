"""The call around a translation: what is sent, counted and returned, and how a stream ends."""

import json
from typing import Any

import httpx2
import pytest

from electrons.dialects.translation import TRANSLATIONS, Translated
from electrons.errors import RequestError
from tests.unit.gateway import HELLO, MESSAGES, Gateway, chunk, streamed

QUESTION = {"model": "openai:gpt-4o", "max_tokens": 50, "messages": HELLO}
COMPLETION = {"choices": [{"message": {"content": "Hi"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
CHUNKS = (
    chunk(choices=[{"index": 0, "delta": {"content": "Good"}}]),
    chunk(choices=[{"index": 0, "delta": {"content": " day"}}]),
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2}),
    b"data: [DONE]\n\n",
)


class Stream:
    """Each piece of text becomes one frame."""

    is_complete = False

    def feed(self, data: str) -> list[str]:
        if data == "[DONE]":
            self.is_complete = True
            return []
        return [f"data: {choice['delta']['content']}\n\n" for choice in json.loads(data)["choices"]]

    def finish(self) -> list[str]:
        return ["data: end\n\n"]


class TextOnly:
    """A translation that knows nothing but text."""

    path = "/v1/chat/completions"

    def translate_request(self, document: dict[str, Any]) -> Translated:
        if "tools" in document:
            raise RequestError("No tools", details={"fields": [{"field": "tools", "message": "no"}]})
        return Translated(document={"model": document["model"], "messages": document["messages"]}, warnings=["limits"])

    def translate_response(
        self, document: dict[str, Any], *, request: dict[str, Any], requested_model: str
    ) -> dict[str, Any]:
        assert request["model"] == "gpt-4o"
        return {"model": requested_model, "text": document["choices"][0]["message"]["content"]}

    def create_stream(self, document: dict[str, Any], requested_model: str) -> Stream:
        assert (document["model"], requested_model) == ("gpt-4o", "openai:gpt-4o")
        return Stream()


@pytest.fixture(autouse=True)
def translation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRANSLATIONS, (MESSAGES, "openai"), TextOnly())


async def test_request_and_response_are_translated_and_counted() -> None:
    gateway = Gateway(httpx2.Response(200, json=COMPLETION))

    answer = await gateway.send(MESSAGES, QUESTION)

    assert answer.json() == {"model": "openai:gpt-4o", "text": "Hi"}
    (request,) = gateway.requests
    assert str(request.url) == "https://api.openai.com/v1/chat/completions"
    assert json.loads(request.content) == {"model": "gpt-4o", "messages": HELLO}
    row = await gateway.row()
    assert (row["model"], row["input_units"], row["output_units"]) == ("gpt-4o", 3, 1)


async def test_what_cannot_be_translated_is_refused_by_its_field() -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send(MESSAGES, {**QUESTION, "tools": []})

    assert (answer.status, answer.json()["error"]["message"]) == (400, "No tools")
    assert gateway.requests == []


@pytest.mark.parametrize("size", [1, 10_000])
async def test_stream_is_translated_and_counted(size: int) -> None:
    stream = b"".join(CHUNKS)
    gateway = Gateway(streamed(*(stream[start : start + size] for start in range(0, len(stream), size))))

    answer = await gateway.send(MESSAGES, {**QUESTION, "stream": True})

    assert answer.body == b"data: Good\n\ndata:  day\n\ndata: end\n\n"
    row = await gateway.row()
    assert (row["input_units"], row["output_units"], row["error_code"]) == (3, 2, None)


@pytest.mark.parametrize(
    ("last", "code", "message"),
    [
        (b"", "PROVIDER_ERROR", "interrupted"),
        (
            b'data: {"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}\n\n',
            "PROVIDER_RATE_LIMIT",
            "Slow",
        ),
        (b'data: {"choices": 5}\n\n', "PROVIDER_ERROR", "cannot be read"),
        (b"data: nonsense\n\n", "PROVIDER_ERROR", "cannot be read"),
    ],
)
async def test_failed_stream_ends_in_the_callers_format(last: bytes, code: str, message: str) -> None:
    gateway = Gateway(streamed(CHUNKS[0], last))

    answer = await gateway.send(MESSAGES, {**QUESTION, "stream": True})

    assert answer.frames[-1].startswith("event: error\n")
    error = json.loads(answer.frames[-1].partition("data: ")[2])["error"]
    assert message in error["message"]
    assert "data: end" not in answer.body.decode()
    row = await gateway.row()
    assert (row["error_code"], row["output_units"]) == (code, 1)


async def test_error_of_the_provider_is_in_the_callers_format() -> None:
    error = {"message": "Bad tool", "type": "invalid_request_error", "param": "tools", "code": "bad"}
    gateway = Gateway(httpx2.Response(400, json={"error": error}))

    answer = await gateway.send(MESSAGES, QUESTION)

    assert (answer.status, answer.json()["error"]) == (400, {"type": "invalid_request_error", "message": "Bad tool"})


@pytest.mark.parametrize("document", [{}, {"choices": []}, {"choices": [{"message": None}]}])
async def test_response_that_cannot_be_translated_is_unreadable(document: dict[str, Any]) -> None:
    answer = await Gateway(httpx2.Response(200, json=document)).send(MESSAGES, QUESTION)

    assert (answer.status, answer.json()["error"]["type"]) == (502, "api_error")


async def test_model_of_a_dialect_without_translation_is_refused() -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send("/v1/embeddings", {"model": "claude-sonnet-4-6", "input": "Hello"})

    assert (answer.status, answer.json()["error"]["param"]) == (400, "model")
