"""The shapes that every answer of the workers has; reading an answer through them checks it."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def success_of(answer: httpx2.Response) -> dict[str, Any]:
    """Return the body of a 200 in the platform's success shape."""
    body: dict[str, Any] = answer.json()
    assert answer.status_code == 200, body
    assert answer.headers["Content-Type"] == "application/json"
    assert body["success"] is True
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert TIMESTAMP.fullmatch(body["timestamp"])
    return body


def error_of(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Return the body of a failure in the platform's error shape, with this status and `error_code`."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["error_code"]) == (status, code), body
    assert answer.headers["Content-Type"] == "application/json"
    assert body.keys() - {"details"} == {"success", "error", "error_code", "request_id"}
    assert body["success"] is False
    assert body["error"] and isinstance(body["error"], str)
    assert body["request_id"] == answer.headers["X-Request-ID"]
    return body


def frames_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    """Return the frames of a whole stream: only the last one is `done`, and each carries the request's id."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    *events, rest = answer.text.split("\n\n")
    assert rest == ""
    frames: list[dict[str, Any]] = []
    for event in events:
        assert event.startswith("data: ") and "\n" not in event
        frames.append(json.loads(event.removeprefix("data: ")))
    assert [frame["done"] for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert {frame["request_id"] for frame in frames} == {answer.headers["X-Request-ID"]}
    return frames
