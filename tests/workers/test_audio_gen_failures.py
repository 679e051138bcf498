"""ElevenLabs' failures: the caller's error, that nothing is stored, and that each call has its row."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.variants import PLANTED_SECRET
from tests.workers.shapes import error_of, success_of
from tests.workers.speech import TEXT, ask, speak

# Read as a whole, streamed into R2, or in a JSON document
WAYS: dict[str, dict[str, Any]] = {
    "whole": {},
    "streamed": {"options": {"output_format": "wav_44100"}},
    "timed": {"timestamps": True},
}
EACH_WAY = pytest.mark.parametrize("way", WAYS)


def nothing_stored_but_counted(platform: Platform, answer: Any, *, units: int = 0) -> None:
    request_id = answer.headers["X-Request-ID"]
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (answer.status_code, answer.json()["error_code"])
    assert (row["unit"], row["input_units"], row["output_units"]) == ("characters", units, 0)
    assert [item["key"] for item in platform.stored_objects(request_id)] == []


@EACH_WAY
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"status": 400}, (422, "PROVIDER_REJECTED")),
        ({"status": 401}, (502, "PROVIDER_AUTH_FAILED")),
        ({"status": 401, "error_code": "quota_exceeded"}, (502, "PROVIDER_QUOTA_EXHAUSTED")),
        ({"status": 402}, (502, "PROVIDER_QUOTA_EXHAUSTED")),
        ({"status": 403}, (502, "PROVIDER_AUTH_FAILED")),
        ({"status": 404, "error_code": "voice_not_found"}, (422, "PROVIDER_REJECTED")),
        ({"status": 422}, (422, "PROVIDER_REJECTED")),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_final_error_is_not_retried(
    platform: Platform, emulators: Emulators, way: str, said: dict[str, Any], expected: tuple[int, str]
) -> None:
    emulators.add_fault("elevenlabs", kind="status", message="That was no good", **said)

    answer = ask(platform, **WAYS[way])

    error = error_of(answer, *expected)
    assert error["error"].startswith("ElevenLabs")
    assert "That was no good" in error["error"]
    assert error["details"]["provider"] == "elevenlabs"
    assert error["details"]["provider_request_id"]
    assert len(emulators.requests("elevenlabs")) == 1
    nothing_stored_but_counted(platform, answer)


@EACH_WAY
@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_error_is_retried_and_gives_one_row(
    platform: Platform, emulators: Emulators, way: str, status: int
) -> None:
    emulators.add_fault("elevenlabs", kind="status", status=status, times=2, retry_after=0.01)

    body = success_of(ask(platform, **WAYS[way]))

    assert len(emulators.requests("elevenlabs")) == 3
    assert len(platform.usage_rows(body["request_id"])) == 1


def test_rate_limit_is_429_with_the_providers_wait(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("elevenlabs", kind="status", status=429, retry_after=37)

    answer = ask(platform)

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert answer.headers["Retry-After"] == "37"
    nothing_stored_but_counted(platform, answer)


@EACH_WAY
def test_error_when_it_stays_then_502(platform: Platform, emulators: Emulators, way: str) -> None:
    emulators.add_fault("elevenlabs", kind="status", status=500, times=9, retry_after=0.01)

    answer = ask(platform, **WAYS[way])

    error_of(answer, 502, "PROVIDER_ERROR")
    assert len(emulators.requests("elevenlabs")) == 3
    nothing_stored_but_counted(platform, answer)


@EACH_WAY
def test_interrupted_response_is_502_and_leaves_no_file(platform: Platform, emulators: Emulators, way: str) -> None:
    emulators.add_fault("elevenlabs", kind="cut", after=1)

    answer = ask(platform, **WAYS[way])

    assert error_of(answer, 502, "PROVIDER_ERROR")["error"] == "ElevenLabs's response was interrupted"
    assert len(emulators.requests("elevenlabs")) == 1
    nothing_stored_but_counted(platform, answer, units=len(TEXT))


@EACH_WAY
def test_answer_when_it_is_empty_then_502(platform: Platform, emulators: Emulators, way: str) -> None:
    emulators.add_fault("elevenlabs", kind="empty")

    answer = ask(platform, **WAYS[way])

    error_of(answer, 502, "PROVIDER_ERROR")
    nothing_stored_but_counted(platform, answer, units=len(TEXT))


@pytest.mark.parametrize("way", ["whole", "timed"])
def test_response_that_is_not_audio_is_502(platform: Platform, emulators: Emulators, way: str) -> None:
    emulators.add_fault("elevenlabs", kind="broken_json")

    answer = ask(platform, **WAYS[way])

    assert error_of(answer, 502, "PROVIDER_ERROR")["error"] == "ElevenLabs returned a response that cannot be read"
    nothing_stored_but_counted(platform, answer, units=len(TEXT))


def test_page_of_a_proxy_is_not_shown(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("elevenlabs", kind="html", status=403)

    assert error_of(ask(platform), 502, "PROVIDER_AUTH_FAILED")["error"] == (
        "ElevenLabs refused access: check the permissions of `ELEVENLABS_API_KEY`"
    )


def test_redirect_when_sent_then_it_is_not_followed(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("elevenlabs", kind="redirect")

    error_of(ask(platform), 502, "PROVIDER_ERROR")
    assert len(emulators.requests("elevenlabs")) == 1


@EACH_WAY
@pytest.mark.parametrize("fault", [{"kind": "slow_first_byte", "seconds": 30}, {"kind": "stall"}])
def test_provider_when_too_slow_then_504_and_no_other_try(
    platform: Platform, emulators: Emulators, way: str, fault: dict[str, Any]
) -> None:
    emulators.add_fault("elevenlabs", **fault)

    answer = ask(platform, worker="audio-gen-impatient", **WAYS[way])

    error_of(answer, 504, "GATEWAY_TIMEOUT")
    assert len(emulators.requests("elevenlabs")) == 1
    nothing_stored_but_counted(platform, answer, units=len(TEXT))


def test_provider_when_unreachable_then_502(platform: Platform) -> None:
    answer = ask(platform, worker="audio-gen-unreachable")

    error_of(answer, 502, "PROVIDER_UNREACHABLE")
    nothing_stored_but_counted(platform, answer, units=len(TEXT))


def test_refused_key_is_502_and_never_shown(platform: Platform) -> None:
    answer = ask(platform, worker="audio-gen-with-wrong-keys")

    error_of(answer, 502, "PROVIDER_AUTH_FAILED")
    assert PLANTED_SECRET not in answer.text
    assert platform.log_lines(answer.headers["X-Request-ID"])
    assert PLANTED_SECRET not in platform.logged()


@pytest.mark.parametrize("worker", ["audio-gen-on-the-free-plan", "audio-gen-out-of-credit"])
def test_account_when_its_plan_does_not_allow_it_then_502_quota(
    platform: Platform, emulators: Emulators, worker: str
) -> None:
    answer = ask(platform, worker=worker)

    error = error_of(answer, 502, "PROVIDER_QUOTA_EXHAUSTED")
    assert error["details"]["status"] == 402
    assert len(emulators.requests("elevenlabs")) == 1


def test_voice_when_unknown_then_422_with_the_providers_words(platform: Platform) -> None:
    error = error_of(ask(platform, voice_id="nobody"), 422, "PROVIDER_REJECTED")

    assert error["error"] == (
        "ElevenLabs did not find what the request names: A voice with the voice_id 'nobody' was not found."
    )
    assert error["details"]["code"] == "voice_not_found"


def test_usage_when_spoken_then_its_row_has_what_was_charged(platform: Platform) -> None:
    body = speak(platform, model_id="eleven_flash_v2_5", instance_id="i-1", project_id="p-1")

    (row,) = platform.usage_rows(body["request_id"])
    known = {
        "worker": "audio-gen",
        "route": "/synthesize",
        "provider": "elevenlabs",
        "model": "eleven_flash_v2_5",
        "unit": "characters",
        "input_units": len(TEXT) // 2,  # half a credit a character
        "output_units": 0,
        "status": 200,
        "error_code": None,
        "instance_id": "i-1",
        "project_id": "p-1",
        "estimated_cost_microusd": None,
    }
    assert {name: row[name] for name in known} == known
    assert 0 < row["upstream_ms"] <= row["latency_ms"]


@pytest.mark.parametrize("fields", [{"text": ""}, {"text": "x" * 5001}, {"voice_id": "../x"}])
def test_usage_when_we_refuse_then_no_row_and_no_file(platform: Platform, fields: dict[str, Any]) -> None:
    refused = platform.client("audio-gen").post("/synthesize", json={"text": TEXT, **fields})
    assert refused.status_code == 400
    request_id = refused.headers["X-Request-ID"]
    assert platform.log_lines(request_id)

    # A row of the refused request would be written before this one.
    assert platform.usage_rows(speak(platform)["request_id"])
    assert platform.usage_rows(request_id, wait=False) == []
    assert platform.stored_objects(request_id) == []
