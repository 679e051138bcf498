"""Tails: the events and logs of a script over a WebSocket, for `wrangler tail`.

Sources: https://developers.cloudflare.com/api/resources/workers/subresources/scripts/subresources/tail/ and wrangler's
requests.
"""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import to_json

from ...vendor import Call, Response
from .calls import parse_body, script_of
from .http import NOT_FOUND, refusal, success
from .runtime import Event
from .store import Script, runtime
from .websockets import Connection, WebSocketServer

_PROTOCOL = "trace-v1"
_LIFETIME = timedelta(hours=6)


@dataclass(slots=True)
class _Tail:
    """One tail, and the clients that read it."""

    script: str
    name: str
    filters: list[dict[str, Any]]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    expires_at: datetime = field(default_factory=lambda: datetime.now(UTC) + _LIFETIME)
    connections: list[Connection] = field(default_factory=list)


_tails: dict[str, _Tail] = {}


def create_tail(call: Call) -> Response:
    """Start a tail; the client connects to its `url`."""
    script = script_of(call)
    filters = parse_body(call).get("filters") if call.body else None
    tail = _Tail(script.tail_name, script.name, [one for one in filters or [] if isinstance(one, dict)])
    _tails[tail.id] = tail
    runtime.watch(tail.script, lambda events: _publish(tail.script, events))
    return success(_describe(tail))


def list_tails(call: Call) -> Response:
    """Return the tails of a script."""
    return success([_describe(tail) for tail in _tails_of(script_of(call))])


def delete_tail(call: Call) -> Response:
    """End a tail."""
    script = script_of(call)
    tail = _tails.get(call.params["tail"])
    if tail is None or tail.script != script.tail_name:
        raise refusal(404, NOT_FOUND, "This tail does not exist on this Worker.")
    del _tails[tail.id]
    if not _tails_of(script):
        runtime.unwatch(script.tail_name)
    for connection in tail.connections:
        connection.close()
    return success(None)


def _tails_of(script: Script) -> list[_Tail]:
    return [tail for tail in list(_tails.values()) if tail.script == script.tail_name]


def _join(path: str, connection: Connection) -> str | None:
    tail = _tails.get(path.strip("/"))
    if tail is None or tail.expires_at < datetime.now(UTC):
        return None
    tail.connections.append(connection)
    return _PROTOCOL


def _leave(path: str, connection: Connection) -> None:
    if tail := _tails.get(path.strip("/")):
        tail.connections.remove(connection)


_server = WebSocketServer(join=_join, leave=_leave)


def _describe(tail: _Tail) -> dict[str, Any]:
    return {
        "id": tail.id,
        "url": _server.url(f"/{tail.id}"),
        "expires_at": tail.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _publish(script: str, events: list[Event]) -> None:
    for tail in [tail for tail in list(_tails.values()) if tail.script == script]:
        for event in events:
            if all(_passes(event, one) for one in tail.filters):
                message = to_json({**event, "scriptName": tail.name})
                for connection in list(tail.connections):
                    connection.send(message)


def _passes(event: Event, wanted: dict[str, Any]) -> bool:
    """Return whether an event passes one filter; a kind of filter that is not known lets all pass."""
    request = (event.get("event") or {}).get("request") or {}
    headers = request.get("headers") or {}
    match wanted:
        case {"sampling_rate": float(rate)}:
            return random.random() < rate  # noqa: S311 - not a secret
        case {"outcome": list(outcomes)}:
            return event.get("outcome") in outcomes
        case {"method": list(methods)}:
            return request.get("method") in methods
        case {"header": {"key": str(name), **rest}}:
            return name.lower() in headers and str(rest.get("query") or "") in headers[name.lower()]
        case {"client_ip": list(addresses)}:
            return "self" in addresses or headers.get("cf-connecting-ip") in addresses
        case {"query": str(text)}:
            return any(text in str(part) for log in event.get("logs", []) for part in log.get("message") or [])
        case _:
            return True
