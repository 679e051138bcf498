"""API keys on workerd: who is admitted where keys are required, and what is recorded about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

import keys
from electrons.keys import generate, parse
from platform_workers import find_scopes
from tests.apps import load_apps
from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.renders import edit_of
from tests.workers.shapes import error_of, success_of

CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "text-gen": ("text", "/generate", {"prompt": "Hello"}),
    "audio-gen": ("audio", "/synthesize", {"text": "Hello"}),
    "stock-media": ("media", "/search/photos", {"keywords": ["keys"]}),
    "image-gen": ("image", "/generate", {"prompt": "A cat"}),
    "render-service": ("render", "/render", edit_of()),
}
EVERY = pytest.mark.parametrize("worker", CALLS)


def call(platform: Platform, worker: str, key: str | None = None, **headers: str) -> httpx2.Response:
    """Send the worker's call where keys are required, with a key in `X-API-Key` if one is given."""
    _, path, body = CALLS[worker]
    if key is not None:
        headers["X-API-Key"] = key
    return platform.client(f"{worker}-with-keys-required").post(path, json=body, headers=headers)


def private_routes(worker: str) -> list[tuple[str, str, str | None]]:
    """Return method, path and scope of each route that is not public."""
    return [
        (route.method, re.sub(r"\{\w+\}", "any", route.path), route.scope)
        for route in load_apps()[worker].routes
        if not route.public
    ]


@EVERY
def test_key_when_it_has_the_scope_then_the_call_is_done(platform: Platform, worker: str) -> None:
    answer = call(platform, worker, platform.key(CALLS[worker][0]))

    assert answer.status_code in {200, 202}, answer.text
    assert answer.json()["success"] is True


@pytest.mark.parametrize(
    ("worker", "method", "path", "scope"), [(worker, *route) for worker in CALLS for route in private_routes(worker)]
)
def test_route_when_not_public_then_needs_a_key_with_the_scope(
    platform: Platform, worker: str, method: str, path: str, scope: str
) -> None:
    client = platform.client(f"{worker}-with-keys-required")
    others = platform.key(*(other for other in find_scopes() if other != scope))

    missing = client.request(method, path)
    forbidden = client.request(method, path, headers={"X-API-Key": others})

    if path.startswith("/v1/") and path != "/v1/usage":  # in the vendor's shape
        assert (missing.status_code, forbidden.status_code) == (401, 403)
        assert missing.json()["error"]["message"].startswith("API key required: ")
        assert forbidden.json()["error"]["message"] == f"This API key lacks the scope `{scope}`"
        return
    assert error_of(missing, 401, "UNAUTHORIZED")["error"].startswith("API key required: ")
    refused = error_of(forbidden, 403, "FORBIDDEN")
    assert refused["error"] == f"This API key lacks the scope `{scope}`"
    assert refused["details"] == {"scope": scope}


@EVERY
def test_key_when_it_is_not_good_then_401_does_not_tell_why(platform: Platform, worker: str) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    expired, revoked = platform.key(expires_at=past), platform.key()
    keys.revoke(platform.database, parse(revoked).id)

    errors = [
        error_of(call(platform, worker, key), 401, "UNAUTHORIZED") for key in (expired, revoked, generate("test"))
    ]

    assert {error["error"] for error in errors} == {
        "The API key is not valid: it is unknown, has expired or was revoked"
    }


@EVERY
@pytest.mark.parametrize("kind", ["mistyped", "cut off", "of a provider"])
def test_key_when_it_is_malformed_then_401_says_so(platform: Platform, worker: str, kind: str) -> None:
    key = platform.key()
    text = {
        "mistyped": key[:-1] + ("A" if key[-1] != "A" else "B"),
        "cut off": key[:-1],
        "of a provider": "sk-ant-api03-0123456789",
    }[kind]

    answer = call(platform, worker, text)

    assert "malformed" in error_of(answer, 401, "UNAUTHORIZED")["error"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert text not in answer.text


@EVERY
def test_key_when_revoked_after_use_then_soon_refused(platform: Platform, worker: str) -> None:
    key = platform.key(CALLS[worker][0])
    assert call(platform, worker, key).status_code in {200, 202}

    keys.revoke(platform.database, parse(key).id)

    if worker == "image-gen":  # its variant remembers nothing
        assert call(platform, worker, key).status_code == 401
    assert wait_for(lambda: call(platform, worker, key).status_code == 401)


def test_key_when_rotated_without_overlap_then_only_new_works(platform: Platform) -> None:
    old = platform.key("image", rate_limit_policy='"requests";q=5;w=60')

    new, _ = keys.rotate(platform.database, parse(old).id, overlap=timedelta())

    error_of(call(platform, "image-gen", old), 401, "UNAUTHORIZED")
    answer = call(platform, "image-gen", new)
    success_of(answer)
    assert answer.headers["RateLimit-Policy"] == '"requests";q=5;w=60'


@pytest.mark.parametrize("header", ["Authorization: Bearer KEY", "authorization: bearer KEY", "x-api-key: KEY"])
def test_key_when_it_is_sent_either_way_then_it_counts(platform: Platform, header: str) -> None:
    name, _, value = header.replace("KEY", platform.key("text")).partition(": ")

    success_of(call(platform, "text-gen", **{name: value}))


def test_stream_when_keys_are_required_then_it_needs_one_too(platform: Platform) -> None:
    client, body = platform.client("text-gen-with-keys-required"), {"prompt": "Hello"}

    error_of(client.post("/generate/stream", json=body), 401, "UNAUTHORIZED")
    answer = client.post("/generate/stream", json=body, headers={"X-API-Key": platform.key("text")})
    assert '"done":true' in answer.text


def test_call_without_a_valid_key_reaches_no_provider(platform: Platform, emulators: Emulators) -> None:
    for key in (None, "any", generate("test"), platform.key("audio")):
        call(platform, "text-gen", key)

    assert emulators.requests("anthropic") == []


@EVERY
def test_health_when_keys_are_required_then_it_needs_none(platform: Platform, worker: str) -> None:
    assert platform.client(f"{worker}-with-keys-required").get("/health").status_code == 200


def test_media_when_keys_required_then_stored_file_needs_none(platform: Platform) -> None:
    body = success_of(call(platform, "image-gen", platform.key("image")))

    assert httpx2.get(body["image_url"], trust_env=False).status_code == 200


def test_usage_when_a_key_was_used_then_the_row_has_its_id(platform: Platform) -> None:
    key = platform.key("text")

    body = success_of(call(platform, "text-gen", key))

    (row,) = platform.usage_rows(body["request_id"])
    assert row["key_id"] == parse(key).id


def test_limits_when_keys_differ_then_each_has_its_own(platform: Platform) -> None:
    own, other = platform.key("text", rate_limit_policy='"requests";q=2;w=3600'), platform.key("text")
    unlimited = platform.key("text", rate_limit_policy="none")

    # Whatever the address: it is the key that counts.
    answers = [call(platform, "text-gen", own, **{"CF-Connecting-IP": f"192.0.2.{host}"}) for host in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=2;w=3600'
    error_of(answers[2], 429, "RATE_LIMITED")
    assert '"tokens"' in call(platform, "text-gen", other).headers["RateLimit-Policy"]
    assert "RateLimit-Policy" not in call(platform, "text-gen", unlimited).headers


def test_key_when_it_is_used_then_the_time_is_noted(platform: Platform) -> None:
    key_id = parse(key := platform.key("text")).id
    assert keys.find(platform.database, key_id).last_used_at is None

    call(platform, "text-gen", key)

    used_at = wait_for(lambda: keys.find(platform.database, key_id).last_used_at)
    assert used_at is not None
    assert datetime.fromisoformat(used_at).tzinfo is not None


def test_key_when_used_or_refused_then_not_in_answer_or_log(platform: Platform) -> None:
    good, revoked, foreign = platform.key("text"), platform.key("text"), platform.key("audio")
    keys.revoke(platform.database, parse(revoked).id)
    mistyped = good[:-1] + ("A" if good[-1] != "A" else "B")

    for key in (good, revoked, foreign, mistyped):
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            _, path, body = CALLS["text-gen"]
            answer = platform.client("text-gen-with-keys-required").post(path, json=body, headers=headers)
            assert platform.log_lines(answer.headers["X-Request-ID"])
            secret = key.split("_")[3]
            assert secret not in answer.text
            assert secret not in str(answer.headers)
            assert secret not in platform.logged()


def test_open_access_distinguishes_callers_by_address(platform: Platform) -> None:
    answer = platform.client("text-gen").post("/generate", json={"prompt": "Hello"}, headers={"X-API-Key": "any"})

    (row,) = platform.usage_rows(success_of(answer)["request_id"])
    assert row["key_id"] is None
