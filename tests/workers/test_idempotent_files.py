"""`Idempotency-Key` on workerd where the answer is a provider's file, which goes to R2 first and comes from there."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.sandbox import unique

SPEECH = "/v1/audio/speech"
SPOKEN = {"model": "tts-1", "voice": "alloy", "input": "Hello there"}
FILES = pytest.mark.parametrize(
    ("worker", "vendor", "body"),
    [
        ("audio-gen", "openai", SPOKEN),
        ("audio-gen", "openai", {**SPOKEN, "response_format": "wav"}),
        ("audio-gen", "elevenlabs", {"model": "elevenlabs:eleven_flash_v2_5", "input": "Hello there"}),
        ("image-gen", "openai", {"model": "gpt-image-2", "prompt": "A cat", "n": 2}),
    ],
    ids=["mp3", "wav", "elevenlabs", "images"],
)


@FILES
def test_retry_gets_the_file_again(
    platform: Platform, emulators: Emulators, worker: str, vendor: str, body: dict[str, Any]
) -> None:
    client, headers = platform.client(worker), {"Idempotency-Key": unique("key"), "Accept-Encoding": "identity"}
    path = SPEECH if worker == "audio-gen" else "/v1/images/generations"
    plain = client.post(path, json=body)
    first = client.post(path, json=body, headers=headers)
    second = client.post(path, json=body, headers=headers)

    assert (first.status_code, second.status_code) == (200, 200)
    assert len(first.content) > 500
    assert second.content == first.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Content-Type"] == second.headers["Content-Type"] == plain.headers["Content-Type"]
    assert int(second.headers["Content-Length"]) == len(first.content)
    for name in ("X-DE-Provider", "X-DE-Model", "X-DE-Attempts"):
        assert second.headers[name] == first.headers[name]
    assert len(emulators.requests(vendor)) == 2
    assert platform.usage_rows(first.headers["X-Request-ID"])
    assert platform.usage_rows(second.headers["X-Request-ID"], wait=False) == []


def test_interrupted_file_is_an_error(platform: Platform, emulators: Emulators) -> None:
    client, headers = platform.client("audio-gen"), {"Idempotency-Key": unique("key")}
    emulators.add_fault("openai", kind="cut")
    first = client.post(SPEECH, json=SPOKEN, headers=headers)
    second = client.post(SPEECH, json=SPOKEN, headers=headers)

    assert (first.status_code, second.status_code) == (502, 409)
    assert second.json()["error"]["code"] == "idempotency_outcome_unknown"
    assert platform.stored_objects(first.headers["X-Request-ID"]) == []
    assert len(emulators.requests("openai")) == 1


def test_file_of_a_caller_who_left_is_kept(platform: Platform, emulators: Emulators) -> None:
    client, headers = platform.client("audio-gen"), {"Idempotency-Key": unique("key")}
    emulators.add_fault("openai", kind="slow_first_byte", seconds=1)
    with asking(platform.urls["audio-gen"], SPEECH, SPOKEN, headers):
        assert wait_for(lambda: emulators.requests("openai"))

    def find() -> httpx2.Response | None:
        content = b'{"model": "tts-1", "voice": "alloy", "input": "Hello there"}'
        response = client.post(SPEECH, content=content, headers=headers)
        return None if response.headers.get("x-should-retry") == "true" else response

    found = wait_for(find)
    assert found is not None
    assert (found.status_code, found.headers["Idempotent-Replayed"]) == (200, "true")
    assert len(emulators.requests("openai")) == 1
