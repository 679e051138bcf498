"""Requests and responses in the format of the model's own provider: passed on as they are, and counted."""

import json
from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.sandbox import play

VERSION = {"anthropic-version": "2026-10-21"}
PATHS = {"anthropic": "/v1/messages", "openai": "/v1/chat/completions", "responses": "/v1/responses"}
MODELS = {"anthropic": "claude-sonnet-4-6", "openai": "gpt-4o-mini", "responses": "gpt-4o-mini"}
ALL = pytest.mark.parametrize("kind", list(PATHS))


def vendor_of(kind: str) -> str:
    return "anthropic" if kind == "anthropic" else "openai"


def body_of(kind: str, **fields: Any) -> dict[str, Any]:
    """Return a request in the format of the kind; `model` is unprefixed unless it is given."""
    if kind == "responses":
        return {"input": "Hello there", "model": MODELS[kind], **fields}
    limit = {"max_tokens": 500} if kind == "anthropic" else {}
    return {"messages": [{"role": "user", "content": "Hello there"}], "model": MODELS[kind], **limit, **fields}


def send(platform: Platform, kind: str, *, worker: str = "text-gen", **fields: Any) -> httpx2.Response:
    headers = VERSION if kind == "anthropic" else {}
    return platform.client(worker).post(PATHS[kind], json=body_of(kind, **fields), headers=headers)


def usage_of(document: dict[str, Any]) -> tuple[int, int]:
    usage = document["usage"]
    return (
        usage.get("prompt_tokens") or usage["input_tokens"],
        usage.get("completion_tokens") or usage["output_tokens"],
    )


def data_of(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


@ALL
@pytest.mark.parametrize("prefixed", [False, True])
def test_whole_response_passes_and_is_counted(
    platform: Platform, emulators: Emulators, kind: str, prefixed: bool
) -> None:
    model = f"{vendor_of(kind)}:{MODELS[kind]}" if prefixed else MODELS[kind]

    answer = send(platform, kind, model=model)

    assert answer.status_code == 200, answer.text
    assert answer.json()["model"].startswith(MODELS[kind])
    (call,) = emulators.requests(vendor_of(kind))
    assert call["body"] == body_of(kind)
    if kind == "anthropic":
        assert call["headers"]["anthropic-version"] == "2026-10-21"
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["input_units"], row["output_units"]) == usage_of(answer.json())
    assert (row["provider"], row["model"], row["status"]) == (vendor_of(kind), MODELS[kind], 200)
    assert row["estimated_cost_microusd"] > 0


@ALL
def test_whole_stream_passes_and_is_counted(platform: Platform, emulators: Emulators, kind: str) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if kind == "openai" else {}

    answer = send(platform, kind, stream=True, **options)

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    last = {"anthropic": "message_stop", "openai": "[DONE]", "responses": "response.completed"}[kind]
    assert last in answer.text.rstrip().split("\n\n")[-1]
    (call,) = emulators.requests(vendor_of(kind))
    assert call["body"] == body_of(kind, stream=True, **options)
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    events = data_of(answer.text)
    reported = [event.get("response", event).get("usage") for event in events]
    counts = [count for count in reported if count]
    assert row["output_units"] == (counts[-1].get("completion_tokens") or counts[-1]["output_tokens"]) > 0
    assert row["input_units"] > 0
    assert (row["status"], row["error_code"]) == (200, None)


def test_usage_that_was_not_asked_for_is_counted_and_kept_back(platform: Platform, emulators: Emulators) -> None:
    answer = send(platform, "openai", stream=True)

    (call,) = emulators.requests("openai")
    assert call["body"]["stream_options"] == {"include_usage": True}
    chunks = data_of(answer.text)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert row["input_units"] > 0
    assert row["output_units"] > 0


@ALL
def test_stream_is_passed_on_at_once(platform: Platform, emulators: Emulators, kind: str) -> None:
    emulators.add_fault(vendor_of(kind), kind="stall", after=6)
    headers = VERSION if kind == "anthropic" else {}

    with platform.client("text-gen").stream(
        "POST", PATHS[kind], json=body_of(kind, stream=True), headers=headers
    ) as answer:
        first = next(answer.iter_text())

    assert "data: {" in first


@ALL
@pytest.mark.parametrize("fault", ["cut", "truncate"])
def test_cut_stream_ends_with_an_error(platform: Platform, emulators: Emulators, kind: str, fault: str) -> None:
    emulators.add_fault(vendor_of(kind), kind=fault, after=6)

    answer = send(platform, kind, stream=True)

    last = answer.text.rstrip().split("\n\n")[-1]
    error = data_of(last)[-1]["error"]
    assert "interrupted" in error["message"]
    assert last.startswith("data:" if kind == "openai" else "event: error\n")
    assert "[DONE]" not in answer.text and "message_stop" not in answer.text
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["status"], row["error_code"]) == (200, "PROVIDER_ERROR")
    assert row["input_units"] > 0
    assert row["output_units"] > 0


@ALL
def test_stalled_stream_ends_with_an_error(platform: Platform, emulators: Emulators, kind: str) -> None:
    emulators.add_fault(vendor_of(kind), kind="stall", after=6)

    answer = send(platform, kind, worker="text-gen-impatient", stream=True)

    assert "took too long" in data_of(answer.text)[-1]["error"]["message"]
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["error_code"], row["output_units"] > 0) == ("GATEWAY_TIMEOUT", True)


@ALL
def test_error_within_a_stream_passes_once(platform: Platform, emulators: Emulators, kind: str) -> None:
    emulators.add_fault(vendor_of(kind), kind="error_event", after=6, status=500)

    answer = send(platform, kind, stream=True)

    *_, last = data_of(answer.text)
    assert "The server had an error" in last["error"]["message"] or last["error"]["type"] == "api_error"
    assert "interrupted" not in answer.text
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert row["error_code"] == "PROVIDER_ERROR"


@ALL
@pytest.mark.parametrize("silent", [False, True], ids=["flowing", "silent"])
def test_leaving_a_stream_cancels_and_counts(platform: Platform, emulators: Emulators, kind: str, silent: bool) -> None:
    if silent:
        emulators.add_fault(vendor_of(kind), kind="stall", after=10)
    else:
        emulators.set_latency(vendor_of(kind), per_frame_ms=50)
    request_id = f"left-passing-{kind}-{silent}"
    body = body_of(kind, stream=True, **({"stream_options": {"include_usage": True}} if kind == "openai" else {}))
    headers = {"X-Request-ID": request_id, **VERSION}

    with (
        asking(platform.urls["text-gen"], PATHS[kind], body, headers) as connection,
        connection.getresponse() as answer,
    ):
        while b"delta" not in answer.readline():
            pass
        for _ in range(12 if silent else 20):
            answer.readline()

    assert wait_for(lambda: any(call["aborted"] for call in emulators.requests(vendor_of(kind))))
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (499, "CLIENT_CLOSED_REQUEST")
    assert row["input_units"] > 0
    assert 0 < row["output_units"] < 100


@ALL
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [{"kind": "slow_first_byte", "seconds": 60}, {"kind": "stall"}], ids=["head", "body"])
def test_leaving_before_the_response_cancels_and_counts(
    platform: Platform, emulators: Emulators, kind: str, stream: bool, fault: dict[str, Any]
) -> None:
    vendor = vendor_of(kind)
    request_id = f"left-early-{kind}-{stream}-{fault['kind']}"
    emulators.add_fault(vendor, **fault)

    with asking(
        platform.urls["text-gen"], PATHS[kind], body_of(kind, stream=stream), {"X-Request-ID": request_id, **VERSION}
    ):
        assert wait_for(lambda: emulators.requests(vendor))

    assert wait_for(lambda: any(call["aborted"] for call in emulators.requests(vendor)))
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (499, "CLIENT_CLOSED_REQUEST")
    assert len(emulators.requests(vendor)) == 1


def test_overload_of_anthropic_stays_an_overload(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="status", status=529, retry_after=90)

    answer = send(platform, "anthropic")

    assert (answer.status_code, answer.json()["error"]["type"]) == (529, "overloaded_error")
    assert answer.headers["Retry-After"] == "90"
    assert answer.headers["request-id"] == answer.json()["request_id"]


@ALL
@pytest.mark.parametrize("fault", [{"kind": "html", "status": 502}, {"kind": "empty"}, {"kind": "broken_json"}])
def test_unreadable_response_has_the_vendors_error(
    platform: Platform, emulators: Emulators, kind: str, fault: dict[str, Any]
) -> None:
    emulators.add_fault(vendor_of(kind), **fault)

    answer = send(platform, kind, worker="text-gen-without-retries")

    assert answer.status_code == 502
    assert answer.json()["error"]["type"] == ("api_error" if kind == "anthropic" else "server_error")


def test_edited_stream_when_longer_than_what_is_read_ahead_then_whole(platform: Platform) -> None:
    notes = " ".join(f"word{number}" for number in range(5000))
    tool = {"name": "write_file", "parameters": {"type": "object", "properties": {"content": {"type": "string"}}}}
    question = {"role": "user", "content": play([["write_file", {"content": notes}]])}

    answer = send(platform, "openai", stream=True, messages=[question], tools=[{"type": "function", "function": tool}])

    deltas = [chunk["choices"][0]["delta"] for chunk in data_of(answer.text)]
    written = "".join(call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", ()))
    assert json.loads(written) == {"content": notes}
    assert answer.text.endswith("data: [DONE]\n\n")
    assert len(answer.content) > 100_000


def test_split_characters_of_an_edited_stream_are_whole(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("openai", kind="split_utf8")
    messages = [{"role": "user", "content": "Gr\u00fc\u00dfe, \U0001f600"}]

    answer = send(platform, "openai", stream=True, messages=messages)

    pieces = [chunk["choices"][0]["delta"].get("content") or "" for chunk in data_of(answer.text)]
    assert "\ufffd" not in "".join(pieces)
    assert answer.text.endswith("data: [DONE]\n\n")


EMBEDDINGS = {"model": "text-embedding-3-small", "input": [f"text {number}" for number in range(600)]}


def test_large_answer_passes_whole_and_is_counted(platform: Platform) -> None:
    answer = platform.client("text-gen").post("/v1/embeddings", json=EMBEDDINGS)

    assert len(answer.content) > 2_000_000
    assert [each["index"] for each in answer.json()["data"]] == list(range(600))
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["input_units"], row["status"]) == (answer.json()["usage"]["prompt_tokens"], 200)


def test_cut_large_answer_breaks_the_connection_and_is_counted(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("openai", kind="cut")
    request_id = "cut-large-answer"
    headers = {"X-Request-ID": request_id}

    with pytest.raises(httpx2.RemoteProtocolError):
        platform.client("text-gen").post("/v1/embeddings", json=EMBEDDINGS, headers=headers)

    assert wait_for(lambda: platform.usage_rows(request_id))
    (row,) = platform.usage_rows(request_id)
    assert (row["error_code"], row["input_units"] > 0) == ("PROVIDER_ERROR", True)
