"""How the official SDKs react to each fault that the emulators inject."""

import json
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.emulators.process import Emulators


class Sdk:
    """A vendor's SDK as two functions that send a prompt and return the text of the response."""

    def __init__(
        self,
        *,
        vendor: str,
        errors: ModuleType,
        create_text: Callable[..., str],
        stream_text: Callable[..., str],
        stream_failures: dict[str, type[Exception]],
    ) -> None:
        self.vendor = vendor
        self.errors = errors
        self.create_text = create_text
        self.stream_text = stream_text
        # After the first byte, anthropic raises the exceptions of the HTTP client unchanged.
        self.stream_failures = stream_failures


@pytest.fixture(params=["anthropic", "openai"])
def sdk(request: pytest.FixtureRequest, anthropic_client: anthropic.Anthropic, openai_client: openai.OpenAI) -> Sdk:
    def anthropic_create(prompt: str = "Tell me", **options: Any) -> str:
        message = anthropic_client.with_options(**options).messages.create(
            model="claude-haiku-4-5", max_tokens=500, messages=[{"role": "user", "content": prompt}]
        )
        assert message.content[0].type == "text"
        return message.content[0].text

    def anthropic_stream(prompt: str = "Tell me", **options: Any) -> str:
        with anthropic_client.with_options(**options).messages.stream(
            model="claude-haiku-4-5", max_tokens=500, messages=[{"role": "user", "content": prompt}]
        ) as stream:
            return "".join(stream.text_stream)

    def openai_create(prompt: str = "Tell me", **options: Any) -> str:
        completion = openai_client.with_options(**options).chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}]
        )
        return completion.choices[0].message.content or ""

    def openai_stream(prompt: str = "Tell me", **options: Any) -> str:
        with openai_client.with_options(**options).chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}], stream=True
        ) as stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    if request.param == "anthropic":
        failures: dict[str, type[Exception]] = {"cut": httpx2.RemoteProtocolError, "stall": httpx2.ReadTimeout}
        return Sdk(
            vendor="anthropic",
            errors=anthropic,
            create_text=anthropic_create,
            stream_text=anthropic_stream,
            stream_failures=failures,
        )
    failures = {"cut": openai.APIConnectionError, "stall": openai.APITimeoutError}
    return Sdk(
        vendor="openai", errors=openai, create_text=openai_create, stream_text=openai_stream, stream_failures=failures
    )


def wait_until_finished(emulators: Emulators, vendor: str) -> dict[str, Any]:
    """Return the last request, once the emulator has recorded how it ended."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        last = emulators.requests(vendor)[-1]
        if last["finished"]:
            return last
        time.sleep(0.01)
    raise AssertionError("The emulator never finished the request.")


def test_rate_limit_when_it_has_retry_after_then_sdk_retries(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="status", status=429, retry_after=0.01, times=2)

    text = sdk.create_text(max_retries=2)

    tries = emulators.requests(sdk.vendor)
    assert [request["status"] for request in tries] == [429, 429, 200]
    assert [request["headers"]["x-stainless-retry-count"] for request in tries] == ["0", "1", "2"]
    assert text == sdk.create_text()


def test_rate_limit_when_it_lasts_then_error_has_retry_after(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="status", status=429, retry_after=7)

    with pytest.raises(sdk.errors.RateLimitError) as failure:
        sdk.create_text()

    assert failure.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("after", [0, 1])
def test_cut_when_not_streaming_then_a_connection_error(sdk: Sdk, emulators: Emulators, after: int) -> None:
    emulators.add_fault(sdk.vendor, kind="cut", after=after)

    with pytest.raises(sdk.errors.APIConnectionError):
        sdk.create_text()

    assert wait_until_finished(emulators, sdk.vendor)["frames_sent"] == after


def test_cut_when_retries_are_left_then_the_second_try_succeeds(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="cut", after=0)

    assert "[emulated" in sdk.create_text(max_retries=1)
    assert [request["fault"] for request in emulators.requests(sdk.vendor)] == ["cut", None]


def test_cut_when_streaming_then_an_error_and_no_retry(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="cut", after=5)

    with pytest.raises(sdk.stream_failures["cut"]):
        sdk.stream_text(max_retries=2)

    (only,) = emulators.requests(sdk.vendor)
    assert (only["frames_sent"], only["aborted"]) == (5, False)


def test_truncate_when_streaming_then_the_sdk_reports_no_error(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="truncate", after=6)

    shorter, whole = sdk.stream_text(), sdk.stream_text()

    assert shorter and whole.startswith(shorter) and shorter != whole


def test_broken_json_when_received_then_a_decoding_error(sdk: Sdk, emulators: Emulators) -> None:
    for send_prompt in (sdk.create_text, sdk.stream_text):
        emulators.add_fault(sdk.vendor, kind="broken_json", after=4)
        with pytest.raises(json.JSONDecodeError):
            send_prompt()


def test_split_utf8_when_received_then_the_text_is_intact(sdk: Sdk, emulators: Emulators) -> None:
    text = sdk.create_text()
    emulators.add_fault(sdk.vendor, kind="split_utf8", times=2)

    assert sdk.create_text() == text
    assert sdk.stream_text() == text
    assert "🚀" in text and "好的" in text
    assert emulators.requests(sdk.vendor)[-1]["frames_sent"] > 30


def test_slow_first_byte_when_within_timeout_then_a_response(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="slow_first_byte", seconds=0.05)

    assert "[emulated" in sdk.create_text(timeout=30)


def test_slow_first_byte_when_after_timeout_then_client_aborts(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="slow_first_byte", seconds=60)

    with pytest.raises(sdk.errors.APITimeoutError):
        sdk.create_text(timeout=0.5)

    last = wait_until_finished(emulators, sdk.vendor)
    assert (last["aborted"], last["status"], last["bytes_sent"]) == (True, None, 0)


def test_stall_when_streaming_then_a_timeout_and_an_abort(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="stall", after=3)

    with pytest.raises(sdk.stream_failures["stall"]):
        sdk.stream_text(timeout=0.5)

    last = wait_until_finished(emulators, sdk.vendor)
    assert (last["aborted"], last["status"], last["frames_sent"]) == (True, 200, 3)


def test_stall_when_it_ends_in_time_then_the_text_is_complete(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="stall", after=1, seconds=0.05, times=2)

    assert sdk.create_text(timeout=30) == sdk.stream_text(timeout=30)


def test_html_when_received_then_a_server_error(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="html")

    with pytest.raises(sdk.errors.InternalServerError) as failure:
        sdk.create_text()

    assert failure.value.status_code == 502


def test_empty_when_received_then_a_decoding_error(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="empty")

    with pytest.raises(json.JSONDecodeError):
        sdk.create_text()


def test_redirect_when_received_then_the_sdk_follows_it(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="redirect")

    assert "[emulated" in sdk.create_text()
    assert [request["status"] for request in emulators.requests(sdk.vendor)] == [307, 200]


def test_fault_when_the_prompt_does_not_match_then_not_applied(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="status", status=500, prompt_contains="my “own” prompt")

    assert "[emulated" in sdk.create_text("somebody else's")
    with pytest.raises(sdk.errors.InternalServerError):
        sdk.create_text("this is my “own” prompt")

    (mine,) = emulators.requests(sdk.vendor, prompt_contains="my “own”")
    assert (mine["fault"], mine["status"]) == ("status", 500)


def test_latency_when_set_then_the_text_is_the_same(sdk: Sdk, emulators: Emulators) -> None:
    text = sdk.stream_text()
    emulators.set_latency(sdk.vendor, first_byte_ms=20, per_frame_ms=1)

    assert sdk.stream_text() == text
    assert emulators.requests(sdk.vendor)[-1]["aborted"] is False


def test_request_log_when_read_then_it_has_the_body_but_no_key(sdk: Sdk, emulators: Emulators) -> None:
    sdk.create_text("look at this")

    (request,) = emulators.requests(sdk.vendor)
    assert request["method"] == "POST"
    assert request["headers"]["authorization"] == "***"
    assert request["body"]["messages"] == [{"role": "user", "content": "look at this"}]
    assert (request["status"], request["finished"], request["aborted"]) == (200, True, False)


@pytest.mark.parametrize("fault", [{"kind": "nonsense"}, {"kind": "cut", "status": 500}, {"kind": "status"}, {}])
def test_fault_when_it_is_invalid_then_422_says_why(emulators: Emulators, fault: dict[str, Any]) -> None:
    answer = httpx2.post(f"{emulators.url}/openai/_emulator/faults", json=fault)

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_reset_clears_faults_requests_and_latency(sdk: Sdk, emulators: Emulators) -> None:
    sdk.create_text()
    emulators.set_latency(sdk.vendor, first_byte_ms=60_000)
    emulators.add_fault(sdk.vendor, kind="status", status=500)

    emulators.reset()

    assert emulators.requests(sdk.vendor) == []
    assert "[emulated" in sdk.create_text()
