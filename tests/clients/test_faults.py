"""What the official SDKs make of each fault: the behaviour that users of these vendors know."""

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
    """One vendor's SDK reduced to a question, answered at once or as a stream."""

    def __init__(
        self,
        *,
        vendor: str,
        errors: ModuleType,
        ask: Callable[..., str],
        stream: Callable[..., str],
        stream_failures: dict[str, type[Exception]],
    ) -> None:
        self.vendor = vendor
        self.errors = errors
        self.ask = ask
        self.stream = stream
        # Between the first byte and the last, anthropic lets the transport's own exceptions through.
        self.stream_failures = stream_failures


@pytest.fixture(params=["anthropic", "openai"])
def sdk(request: pytest.FixtureRequest, claude: anthropic.Anthropic, gpt: openai.OpenAI) -> Sdk:
    def claude_ask(prompt: str = "Tell me", **options: Any) -> str:
        message = claude.with_options(**options).messages.create(
            model="claude-haiku-4-5", max_tokens=500, messages=[{"role": "user", "content": prompt}]
        )
        assert message.content[0].type == "text"
        return message.content[0].text

    def claude_stream(prompt: str = "Tell me", **options: Any) -> str:
        with claude.with_options(**options).messages.stream(
            model="claude-haiku-4-5", max_tokens=500, messages=[{"role": "user", "content": prompt}]
        ) as stream:
            return "".join(stream.text_stream)

    def gpt_ask(prompt: str = "Tell me", **options: Any) -> str:
        completion = gpt.with_options(**options).chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}]
        )
        return completion.choices[0].message.content or ""

    def gpt_stream(prompt: str = "Tell me", **options: Any) -> str:
        with gpt.with_options(**options).chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}], stream=True
        ) as stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    if request.param == "anthropic":
        failures: dict[str, type[Exception]] = {"cut": httpx2.RemoteProtocolError, "stall": httpx2.ReadTimeout}
        return Sdk(vendor="anthropic", errors=anthropic, ask=claude_ask, stream=claude_stream, stream_failures=failures)
    failures = {"cut": openai.APIConnectionError, "stall": openai.APITimeoutError}
    return Sdk(vendor="openai", errors=openai, ask=gpt_ask, stream=gpt_stream, stream_failures=failures)


def wait_until_finished(emulators: Emulators, vendor: str) -> dict[str, Any]:
    """The last request, once the emulator has noticed how it ended."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        last = emulators.requests(vendor)[-1]
        if last["finished"]:
            return last
        time.sleep(0.01)
    raise AssertionError("The emulator never finished the request.")


def test_rate_limit_when_it_names_a_wait_then_the_sdk_waits_and_tries_again(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="status", status=429, retry_after=0.01, times=2)

    text = sdk.ask(max_retries=2)

    tries = emulators.requests(sdk.vendor)
    assert [request["status"] for request in tries] == [429, 429, 200]
    assert [request["headers"]["x-stainless-retry-count"] for request in tries] == ["0", "1", "2"]
    assert text == sdk.ask()


def test_rate_limit_when_it_lasts_then_the_error_carries_retry_after(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="status", status=429, retry_after=7)

    with pytest.raises(sdk.errors.RateLimitError) as failure:
        sdk.ask()

    assert failure.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("after", [0, 1])
def test_cut_when_the_answer_is_plain_then_a_connection_error(sdk: Sdk, emulators: Emulators, after: int) -> None:
    emulators.add_fault(sdk.vendor, kind="cut", after=after)

    with pytest.raises(sdk.errors.APIConnectionError):
        sdk.ask()

    assert wait_until_finished(emulators, sdk.vendor)["frames_sent"] == after


def test_cut_when_retries_are_left_then_the_second_try_answers(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="cut", after=0)

    assert "[emulated" in sdk.ask(max_retries=1)
    assert [request["fault"] for request in emulators.requests(sdk.vendor)] == ["cut", None]


def test_cut_when_streaming_then_an_error_and_no_second_try(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="cut", after=5)

    with pytest.raises(sdk.stream_failures["cut"]):
        sdk.stream(max_retries=2)

    (only,) = emulators.requests(sdk.vendor)
    assert (only["frames_sent"], only["aborted"]) == (5, False)


def test_truncate_when_streaming_then_the_sdk_takes_it_for_the_end(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="truncate", after=6)

    shorter, whole = sdk.stream(), sdk.stream()

    assert shorter and whole.startswith(shorter) and shorter != whole


def test_broken_json_when_received_then_a_decoding_error(sdk: Sdk, emulators: Emulators) -> None:
    for ask in (sdk.ask, sdk.stream):
        emulators.add_fault(sdk.vendor, kind="broken_json", after=4)
        with pytest.raises(json.JSONDecodeError):
            ask()


def test_split_utf8_when_received_then_the_text_is_intact(sdk: Sdk, emulators: Emulators) -> None:
    text = sdk.ask()
    emulators.add_fault(sdk.vendor, kind="split_utf8", times=2)

    assert sdk.ask() == text
    assert sdk.stream() == text
    assert "🚀" in text and "好的" in text
    assert emulators.requests(sdk.vendor)[-1]["frames_sent"] > 30


def test_slow_first_byte_when_shorter_than_the_timeout_then_an_answer(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="slow_first_byte", seconds=0.05)

    assert "[emulated" in sdk.ask(timeout=30)


def test_slow_first_byte_when_longer_than_the_timeout_then_the_client_leaves(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="slow_first_byte", seconds=60)

    with pytest.raises(sdk.errors.APITimeoutError):
        sdk.ask(timeout=0.5)

    last = wait_until_finished(emulators, sdk.vendor)
    assert (last["aborted"], last["status"], last["bytes_sent"]) == (True, None, 0)


def test_stall_when_streaming_then_times_out_and_the_emulator_notices(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="stall", after=3)

    with pytest.raises(sdk.stream_failures["stall"]):
        sdk.stream(timeout=0.5)

    last = wait_until_finished(emulators, sdk.vendor)
    assert (last["aborted"], last["status"], last["frames_sent"]) == (True, 200, 3)


def test_stall_when_it_ends_in_time_then_the_answer_is_whole(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="stall", after=1, seconds=0.05, times=2)

    assert sdk.ask(timeout=30) == sdk.stream(timeout=30)


def test_html_when_received_then_a_server_error(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="html")

    with pytest.raises(sdk.errors.InternalServerError) as failure:
        sdk.ask()

    assert failure.value.status_code == 502


def test_empty_when_received_then_a_decoding_error(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="empty")

    with pytest.raises(json.JSONDecodeError):
        sdk.ask()


def test_redirect_when_received_then_the_sdk_follows_it(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="redirect")

    assert "[emulated" in sdk.ask()
    assert [request["status"] for request in emulators.requests(sdk.vendor)] == [307, 200]


def test_match_when_another_prompt_comes_first_then_the_fault_waits(sdk: Sdk, emulators: Emulators) -> None:
    emulators.add_fault(sdk.vendor, kind="status", status=500, prompt_contains="my “own” prompt")

    assert "[emulated" in sdk.ask("somebody else's")
    with pytest.raises(sdk.errors.InternalServerError):
        sdk.ask("this is my “own” prompt")

    (mine,) = emulators.requests(sdk.vendor, prompt_contains="my “own”")
    assert (mine["fault"], mine["status"]) == ("status", 500)


def test_latency_when_set_then_the_answer_is_the_same_but_later(sdk: Sdk, emulators: Emulators) -> None:
    text = sdk.stream()
    emulators.set_latency(sdk.vendor, first_byte_ms=20, per_frame_ms=1)

    assert sdk.stream() == text
    assert emulators.requests(sdk.vendor)[-1]["aborted"] is False


def test_request_log_when_read_then_shows_what_was_sent_but_no_key(sdk: Sdk, emulators: Emulators) -> None:
    sdk.ask("look at this")

    (request,) = emulators.requests(sdk.vendor)
    assert request["method"] == "POST"
    assert request["headers"]["authorization"] == "***"
    assert request["body"]["messages"] == [{"role": "user", "content": "look at this"}]
    assert (request["status"], request["finished"], request["aborted"]) == (200, True, False)


@pytest.mark.parametrize("fault", [{"kind": "nonsense"}, {"kind": "cut", "status": 500}, {"kind": "status"}, {}])
def test_fault_when_it_makes_no_sense_then_422_says_why(emulators: Emulators, fault: dict[str, Any]) -> None:
    answer = httpx2.post(f"{emulators.url}/openai/_emulator/faults", json=fault)

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_reset_when_faults_and_requests_are_there_then_every_vendor_forgets_them(
    sdk: Sdk, emulators: Emulators
) -> None:
    sdk.ask()
    emulators.set_latency(sdk.vendor, first_byte_ms=60_000)
    emulators.add_fault(sdk.vendor, kind="status", status=500)

    emulators.reset()

    assert emulators.requests(sdk.vendor) == []
    assert "[emulated" in sdk.ask()
