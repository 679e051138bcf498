"""`GET /voices`: the account's voices, from the cache if it has them."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.shapes import error_of, success_of


def voices_of(platform: Platform, worker: str = "audio-gen") -> dict[str, Any]:
    return success_of(platform.client(worker).get("/voices"))


def test_each_voice_has_every_field(platform: Platform) -> None:
    voices = voices_of(platform)["voices"]

    assert len(voices) > 5
    for voice in voices:
        assert voice.keys() == {"voice_id", "name", "category", "labels", "preview_url"}
    (george,) = (voice for voice in voices if voice["voice_id"] == "JBFqnCBsd6RMkjVDRZzb")
    assert (george["name"], george["category"], george["labels"]["accent"]) == ("George", "premade", "british")
    assert platform.client("audio-gen").get(george["preview_url"]).status_code == 200


def test_voices_when_asked_again_then_the_provider_is_not(platform: Platform, emulators: Emulators) -> None:
    first = voices_of(platform)["voices"]

    def asked_again() -> bool:
        before = len(emulators.requests("elevenlabs"))
        assert voices_of(platform)["voices"] == first
        return len(emulators.requests("elevenlabs")) == before

    # The cache is filled after the response is sent.
    assert wait_for(asked_again)


def test_voices_without_the_cache_are_requested_each_time(platform: Platform, emulators: Emulators) -> None:
    for _ in range(2):
        voices_of(platform, "audio-gen-uncached")

    calls = emulators.requests("elevenlabs")
    assert [(call["method"], call["path"]) for call in calls] == [("GET", "/v1/voices")] * 2


def test_voices_when_asked_for_then_a_row_counts_the_call(platform: Platform) -> None:
    body = voices_of(platform, "audio-gen-uncached")

    (row,) = platform.usage_rows(body["request_id"])
    assert (row["route"], row["provider"], row["model"]) == ("/voices", "elevenlabs", "voices")
    assert (row["unit"], row["input_units"], row["status"]) == ("requests", 1, 200)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "status", "status": 401}, (502, "PROVIDER_AUTH_FAILED")),
        ({"kind": "status", "status": 429, "retry_after": 60}, (429, "PROVIDER_RATE_LIMIT")),
        ({"kind": "status", "status": 500, "retry_after": 60}, (502, "PROVIDER_ERROR")),
        ({"kind": "broken_json"}, (502, "PROVIDER_ERROR")),
        ({"kind": "empty"}, (502, "PROVIDER_ERROR")),
        ({"kind": "cut"}, (502, "PROVIDER_ERROR")),
    ],
)
def test_failed_list_of_voices_is_not_cached(
    platform: Platform, emulators: Emulators, fault: dict[str, Any], expected: tuple[int, str]
) -> None:
    emulators.add_fault("elevenlabs", **fault)

    error_of(platform.client("audio-gen-uncached").get("/voices"), *expected)


def test_voices_of_another_account_are_not_cached_together(platform: Platform) -> None:
    voices_of(platform)

    error_of(platform.client("audio-gen-with-wrong-keys").get("/voices"), 502, "PROVIDER_AUTH_FAILED")


def test_head_when_asked_then_no_body(platform: Platform) -> None:
    answer = platform.client("audio-gen").head("/voices")

    assert (answer.status_code, answer.content) == (200, b"")
