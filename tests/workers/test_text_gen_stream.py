"""`POST /generate/stream`: frame by frame, with exactly one last frame, whatever happens in between."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.shapes import error_of, frames_of, success_of

MODELS = ["anthropic:claude-sonnet-4-6", "openai:gpt-4o"]
BOTH = pytest.mark.parametrize("model", MODELS, ids=["anthropic", "openai"])


def stream(platform: Platform, model: str, *, worker: str = "text-gen", **options: Any) -> list[dict[str, Any]]:
    """Return all frames of a stream."""
    body = {"prompt": "Hello there", "model": model, "options": options}
    return frames_of(platform.client(worker).post("/generate/stream", json=body))


def text_of(frames: list[dict[str, Any]]) -> str:
    """Return the text of all frames but the last."""
    return "".join(frame["text"] for frame in frames[:-1])


@BOTH
def test_whole_stream_equals_the_text_of_generate(platform: Platform, model: str) -> None:
    body = {"prompt": "Hello there", "model": model}
    whole = success_of(platform.client("text-gen").post("/generate", json=body))

    frames = stream(platform, model)

    assert len(frames) > 5
    assert all(frame.keys() == {"text", "done", "request_id"} and frame["text"] for frame in frames[:-1])
    assert text_of(frames) == whole["text"]
    last = frames[-1]
    assert last.keys() == {"text", "done", "metadata", "request_id"}
    assert last["text"] == ""
    timing = "generation_time_ms"
    assert {**last["metadata"], timing: 0} == {**whole["metadata"], timing: 0}


@BOTH
def test_stream_is_requested_from_the_provider(platform: Platform, emulators: Emulators, model: str) -> None:
    stream(platform, model, temperature=0, max_tokens=100)

    (call,) = emulators.requests(model.partition(":")[0])
    assert call["body"]["stream"] is True
    assert call["body"]["temperature"] == 0


@BOTH
def test_each_piece_is_passed_on_at_once(platform: Platform, emulators: Emulators, model: str) -> None:
    # The provider falls silent after some frames for as long as the client stays; the pieces before are read meanwhile.
    emulators.add_fault(model.partition(":")[0], kind="stall", after=6)

    with platform.client("text-gen").stream(
        "POST", "/generate/stream", json={"prompt": "Hello there", "model": model}
    ) as answer:
        first = next(answer.iter_text())

    assert first.startswith('data: {"text":"[emulated')
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"


@BOTH
def test_stream_in_single_bytes_loses_no_character(platform: Platform, emulators: Emulators, model: str) -> None:
    intact = text_of(stream(platform, model))
    emulators.add_fault(model.partition(":")[0], kind="split_utf8")

    frames = stream(platform, model)

    assert text_of(frames) == intact
    assert "好的" in intact and "🚀" in intact


@BOTH
def test_stream_without_text_has_only_the_last_frame(platform: Platform, model: str) -> None:
    frames = [frame for frame in stream(platform, model, stop_sequences=["["]) if frame["done"] or frame["text"]]

    assert len(frames) == 1
    assert frames[0]["metadata"]["output_tokens"] == 0


@BOTH
def test_stream_cut_by_max_tokens_ends_with_length(platform: Platform, model: str) -> None:
    frames = stream(platform, model, max_tokens=5)

    assert len(text_of(frames)) == 20
    assert frames[-1]["metadata"]["finish_reason"] == "length"


@BOTH
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "status", "status": 400}, (422, "PROVIDER_REJECTED")),
        ({"kind": "status", "status": 403}, (502, "PROVIDER_AUTH_FAILED")),
        ({"kind": "html", "status": 403}, (502, "PROVIDER_AUTH_FAILED")),
        ({"kind": "empty"}, (502, "PROVIDER_ERROR")),
        ({"kind": "error_event", "after": 0}, (502, "PROVIDER_ERROR")),
        ({"kind": "broken_json", "after": 0}, (502, "PROVIDER_ERROR")),
        ({"kind": "truncate", "after": 1}, (502, "PROVIDER_ERROR")),
        ({"kind": "cut", "after": 1}, (502, "PROVIDER_ERROR")),
    ],
    ids=lambda value: f"{value['kind']}-{value.get('status', '')}" if isinstance(value, dict) else None,
)
def test_stream_failing_before_text_is_an_ordinary_error(
    platform: Platform, emulators: Emulators, model: str, fault: dict[str, Any], expected: tuple[int, str]
) -> None:
    emulators.add_fault(model.partition(":")[0], **fault)

    answer = platform.client("text-gen").post("/generate/stream", json={"prompt": "Hello", "model": model})

    error_of(answer, *expected)


@BOTH
@pytest.mark.parametrize("kind", ["error_event", "broken_json", "truncate", "cut"])
def test_stream_failing_after_text_ends_with_the_error(
    platform: Platform, emulators: Emulators, model: str, kind: str
) -> None:
    emulators.add_fault(model.partition(":")[0], kind=kind, after=6)

    frames = stream(platform, model)

    assert text_of(frames).startswith("[emulated")
    assert frames[-1].keys() == {"error", "error_code", "done", "request_id"}
    assert frames[-1]["error_code"] == "PROVIDER_ERROR"
    assert len(emulators.requests(model.partition(":")[0])) == 1
    request_id = frames[-1]["request_id"]
    (row,) = platform.usage_rows(request_id)
    assert row["error_code"] == "PROVIDER_ERROR"
    assert row["output_units"] > 0
    assert platform.log_lines(request_id)[0]["error_code"] == "PROVIDER_ERROR"


@BOTH
@pytest.mark.parametrize(
    ("status", "code"), [(529, "PROVIDER_ERROR"), (429, "PROVIDER_RATE_LIMIT")], ids=["overloaded", "rate limit"]
)
def test_last_frame_names_the_providers_failure(
    platform: Platform, emulators: Emulators, model: str, status: int, code: str
) -> None:
    vendor = model.partition(":")[0]
    emulators.add_fault(vendor, kind="error_event", after=6, status=status, message="Out of breath")

    last = stream(platform, model)[-1]

    assert last["error"].startswith({"anthropic": "Anthropic", "openai": "OpenAI"}[vendor])
    assert "Out of breath" in last["error"]
    assert last["error_code"] == code


@BOTH
def test_last_frame_says_that_the_provider_was_silent(platform: Platform, emulators: Emulators, model: str) -> None:
    emulators.add_fault(model.partition(":")[0], kind="stall", after=6)

    frames = stream(platform, model, worker="text-gen-impatient")

    assert text_of(frames).startswith("[emulated")
    assert frames[-1]["error_code"] == "GATEWAY_TIMEOUT"


def test_stream_ends_at_the_total_timeout(platform: Platform, emulators: Emulators) -> None:
    emulators.set_latency("openai", per_frame_ms=300)

    frames = stream(platform, "openai:gpt-4o", worker="text-gen-impatient")

    assert len(frames) > 3
    assert frames[-1]["error_code"] == "GATEWAY_TIMEOUT"


@BOTH
def test_stream_when_provider_holds_connection_open_then_ends(
    platform: Platform, emulators: Emulators, model: str
) -> None:
    vendor = model.partition(":")[0]
    emulators.add_fault(vendor, kind="stall", after=1000)  # after all frames, the last one included

    last = stream(platform, model, worker="text-gen-impatient")[-1]

    assert "error" not in last
    assert last["metadata"]["finish_reason"] == "stop"
    assert wait_for(lambda: [call for call in emulators.requests(vendor) if call["aborted"]])
