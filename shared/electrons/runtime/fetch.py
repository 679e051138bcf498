"""An httpx2 transport over the runtime's `fetch`.

httpx2's own transport for Emscripten fails on empty bodies and drops `User-Agent`, repeated headers and the abort.

Timeouts, in seconds, are in the request's `timeout` extension; None or 0 is no limit:

- `connect` and `first_byte`: `fetch` does not report when it has a connection, so the head of the response must arrive
  within the sum of the two (`httpx2.ReadTimeout`);
- `read`: the longest silence between two pieces of the body (`httpx2.ReadTimeout`).

The total is the caller's, by `asyncio.timeout` around the whole exchange; a cancelled exchange aborts the fetch.
Redirects are not followed, so that credentials never leave the host they are for.
"""

from __future__ import annotations

from typing import Any

import httpx2
from pyodide.ffi import JsException

from electrons.http import TextHeaders, join_fields
from electrons.runtime.convert import describe_js_error, from_js_headers, to_js_body, to_js_object
from electrons.runtime.fetch_stream import FetchStream, Watchdog
from electrons.runtime.js_globals import js

# `fetch` has already decoded the body, so these do not describe the bytes that are read.
_DROPPED_WHEN_DECODED = {"content-encoding", "content-length"}

# Set by `fetch` itself.
_DROPPED_FROM_REQUESTS = {"host", "content-length", "connection", "transfer-encoding"}


class FetchTransport(httpx2.AsyncBaseTransport):
    """Transport over `fetch`. Raises `httpx2.ReadTimeout`, `httpx2.ConnectError` and `httpx2.ReadError`."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the response with its body unread; closing it cancels the exchange."""
        timeouts = request.extensions.get("timeout", {})
        controller = js.AbortController.new()
        sent = TextHeaders.of(request.headers).pairs
        headers = [(name, value) for name, value in sent if name.lower() not in _DROPPED_FROM_REQUESTS]
        options = to_js_object({"method": request.method, "headers": join_fields(headers), "redirect": "manual"})
        options.signal = controller.signal
        if not isinstance(request.stream, httpx2.SyncByteStream):
            raise TypeError(f"not a body in memory: {request.stream!r}")
        if content := b"".join(request.stream):
            options.body = to_js_body(content)
        head_timeout = (timeouts.get("connect") or 0) + (timeouts.get("first_byte") or 0)
        idle_timeout = timeouts.get("read") or 0
        watchdog = Watchdog(controller, seconds=min(filter(None, (head_timeout, idle_timeout)), default=0))
        watchdog.start(head_timeout)
        try:
            response = await js.fetch(str(request.url), options)
        except JsException as error:
            watchdog.close()
            if watchdog.has_barked:
                raise httpx2.ReadTimeout("no response in time", request=request) from error
            raise httpx2.ConnectError(describe_js_error(error), request=request) from error
        except BaseException:
            watchdog.close()
            controller.abort()
            raise
        watchdog.stop()
        received = _read_headers(response.headers)
        stream = FetchStream(response, controller, watchdog, headers=received, idle_timeout=idle_timeout)
        answer = httpx2.Response(response.status, stream=stream, request=request)
        answer.headers = received
        return answer


class _ReceivedHeaders(TextHeaders):
    """The fields of a response. Most are never asked for, so only what asks for all of them has them read."""

    def __init__(self, headers: Any) -> None:
        self._headers = headers
        self._encoding = "latin-1"

    def __getattr__(self, name: str) -> Any:
        if name != "pairs":
            return super().__getattr__(name)
        self.pairs = from_js_headers(self._headers)
        return self.pairs

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a field."""
        value = self._headers.get(key)
        return value if isinstance(value, str) else default

    def __contains__(self, key: Any) -> bool:
        found: bool = self._headers.has(key)
        return found


def _read_headers(headers: Any) -> httpx2.Headers:
    received = _ReceivedHeaders(headers)
    if "content-encoding" not in received:
        return received
    return TextHeaders([(name, value) for name, value in received.pairs if name not in _DROPPED_WHEN_DECODED])
