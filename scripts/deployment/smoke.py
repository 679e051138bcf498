"""Try a deployed worker without a call to a provider: it runs, its bindings work, it needs a key and takes one."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import keys
from database import Database
from electrons.keys import format_time
from setup import SetupError

START_SECONDS = 90
"""How long a new Worker may take until it answers: its name has to reach Cloudflare's locations first."""

_PAUSE_SECONDS = 1.0
_KEY_LIFE = timedelta(minutes=15)
_ATTEMPTS = 3
_DELETE = "DELETE FROM api_keys WHERE id = ? OR name = ? AND owner = ? AND expires_at < ?"


class SmokeError(SetupError):
    """What a deployed worker does wrong."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status, and its body if that is a JSON object."""

    status: int
    body: dict[str, Any]


@contextmanager
def temporary_key(database: Database) -> Iterator[str]:
    """Make an API key with all scopes, which is deleted at the end of the block."""
    expires_at = datetime.now(UTC) + _KEY_LIFE
    key, record = keys.create(
        database,
        environment="live",
        name="deployment",
        owner="npm run deploy",
        scopes=keys.SCOPES,
        expires_at=expires_at,
    )
    try:
        yield key
    finally:
        # Those of runs that were killed go too; one that cannot be deleted expires.
        with suppress(SetupError):
            database.run((_DELETE, [record.id, record.name, record.owner, format_time(datetime.now(UTC))]))


def try_worker(url: str, key: str, *, commit: str | None = None) -> list[str]:
    """Return warnings about a deployed worker. Raises `SmokeError` if it does not work.

    With `commit`, it waits until the version from that commit answers, because the one before does for some seconds.
    """
    _wait_until_it_answers(url, commit)
    warnings = _check_bindings(call(f"{url}/health?deep=1"))
    index = call(url)
    if index.status != 200:
        raise SmokeError(f"GET / returned {_describe(index)}")
    path = _find_route(index)
    if path is None:
        return warnings
    refused = call(f"{url}{path}", body=b"{}")
    if refused.status != 401:
        raise SmokeError(f"POST {path} without a key returned {_describe(refused)} instead of 401")
    # Without its required fields the request is refused before anything is spent.
    accepted = call(f"{url}{path}", body=b"{}", key=key)
    if accepted.status != 400:
        raise SmokeError(f"POST {path} with a valid key and an empty body returned {_describe(accepted)}, not 400")
    return warnings


def call(url: str, *, body: bytes | None = None, key: str | None = None) -> Answer:
    """Send a request, again if there is no response, and return the response; status 0 without one."""
    for _ in range(_ATTEMPTS - 1):
        if (answer := _call_once(url, body=body, key=key)).status:
            return answer
        time.sleep(_PAUSE_SECONDS)
    return _call_once(url, body=body, key=key)


def _call_once(url: str, *, body: bytes | None, key: str | None) -> Answer:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "distributed-electrons"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(url, body, headers)  # noqa: S310  # an address of the account
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return Answer(response.status, _read_object(response.read()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, _read_object(error.read()))
    except OSError:
        return Answer(0, {})


def _wait_until_it_answers(url: str, commit: str | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        answer = call(f"{url}/health")
        found = answer.body.get("commit")
        if answer.status == 200 and commit in {None, found}:
            return
        # Its own error will not change; anything else may be the name that is not known everywhere yet.
        if "error_code" in answer.body or time.monotonic() > deadline:
            reason = f"still the version from commit {found}" if answer.status == 200 else _describe(answer)
            raise SmokeError(f"GET /health: {reason}")
        time.sleep(_PAUSE_SECONDS)


def _describe(answer: Answer) -> str:
    code = answer.body.get("error_code")
    return (f"{answer.status} ({code})" if code else str(answer.status)) if answer.status else "no response"


def _check_bindings(answer: Answer) -> list[str]:
    checks = answer.body.get("checks")
    if not isinstance(checks, dict):
        raise SmokeError(f"GET /health?deep=1 returned {_describe(answer)} and no `checks`")
    if broken := [name for name, result in checks.items() if result == "unreachable"]:
        raise SmokeError(f"GET /health?deep=1: {', '.join(broken)} cannot be reached")
    missing = [name for name, result in checks.items() if result in ("not configured", False)]
    return [f"not configured: {', '.join(missing)}"] if missing else []


def _find_route(index: Answer) -> str | None:
    """Return the path of a route that needs a key and a body, by the worker's own list."""
    for route in index.body.get("routes", []):
        if route["method"] == "POST" and route.get("scope") and "{" not in route["path"] and route.get("fields"):
            return str(route["path"])
    return None


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
