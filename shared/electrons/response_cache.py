"""Answer the same request with the same response, from KV, where the caller or the deployment asks for it.

`X-DE-Cache-TTL` is how long a response may be used again, in seconds; 0 asks for a new one. It belongs to the caller
unless `X-DE-Cache-Scope: deployment` shares it with all. Only whole successful responses are kept, streams included: a
stream is kept as the frames that the caller got, and comes back as the same frames at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from electrons.context import Context
from electrons.errors import ProviderError, RequestError
from electrons.http import Response
from electrons.logs import timestamp
from electrons.storage.ledger import record_usage
from electrons.upstream.reading import as_object, as_string, load_json
from electrons.upstream.relay import Relay, Watcher
from electrons.usage import Usage

SHORTEST_SECONDS = 60
"""KV keeps nothing for less (https://developers.cloudflare.com/kv/api/write-key-value-pairs/)."""

LONGEST_SECONDS = 30 * 24 * 60 * 60

SIZE_LIMIT = 1024 * 1024
"""Bytes of a response that is kept."""

_WARNINGS = "X-DE-Warnings"

# What else the response depends on.
_HEADERS = ("anthropic-version", "anthropic-beta", "openai-beta", "X-DE-Fallbacks")


async def cached(
    context: Context, content: bytes, produce: Callable[[], Awaitable[Response]], *, default_seconds: int = 0
) -> Response:
    """Return the kept response to a request with this `content`, or the one of `produce()`, which is then kept.

    `default_seconds` is the deployment's setting. Raises `RequestError` for a wrong header, and what `produce` raises.
    """
    seconds = _read_seconds(context, default_seconds)
    if not seconds:
        return await produce()
    key = _key(context, content)
    if (kept := await _read(context, key)) is not None:
        return _replay(context, kept)
    context.headers += [("X-DE-Cache", "miss"), ("X-DE-Cache-TTL", str(seconds))]
    response = await produce()
    if response.status == 200:
        _Recorder(context, key, response, seconds=seconds).attach()
    return response


def _read_seconds(context: Context, default_seconds: int) -> int:
    text = context.request.headers.get("X-DE-Cache-TTL")
    if text is None:
        seconds = default_seconds
    elif text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= LONGEST_SECONDS:
        seconds = int(text)
    else:
        raise RequestError(f"`X-DE-Cache-TTL` must be a number of seconds from 0 to {LONGEST_SECONDS}")
    if 0 < seconds < SHORTEST_SECONDS:
        context.warnings.append(f"a response is kept for at least {SHORTEST_SECONDS} seconds")
        return SHORTEST_SECONDS
    return seconds


def _key(context: Context, content: bytes) -> str:
    scope = context.request.headers.get("X-DE-Cache-Scope") or "caller"
    if scope not in {"caller", "deployment"}:
        raise RequestError("`X-DE-Cache-Scope` must be `caller` or `deployment`")
    # A key that is held to some models shares responses with those that are held to the same.
    owner = context.principal.id if scope == "caller" else " ".join(context.principal.models or ())
    headers = [context.request.headers.get(name) for name in _HEADERS]
    digest = hashlib.sha256(json.dumps([context.service, context.route.path, scope, owner, headers]).encode())
    digest.update(b"\0")
    digest.update(content)
    return f"response:{digest.hexdigest()}"


async def _read(context: Context, key: str) -> dict[str, Any] | None:
    try:
        text = await context.bindings.cache.get(key)
        return as_object(load_json(text)) or None if text else None
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the provider can be called
        context.log.warning("cache", request_id=context.request_id, error=str(error))
        return None


def _replay(context: Context, kept: dict[str, Any]) -> Response:
    """Return a kept response. It costs nothing, and has the id of this request where it is in the platform's format."""
    usage = Usage(provider=as_string(kept.get("provider")) or "", model=as_string(kept.get("model")) or "")
    record_usage(context, usage)
    context.headers.append(("X-DE-Cache", "hit"))
    body = str(kept.get("body"))
    content_type = as_string(kept.get("content_type")) or "application/json"
    if context.dialect is None:
        body = body.replace(json.dumps(kept.get("request_id")), json.dumps(context.request_id))
        if content_type == "application/json":
            body = json.dumps({**as_object(load_json(body)), "timestamp": timestamp()}, ensure_ascii=False)
    headers = [("Content-Type", content_type)]
    if content_type.startswith("text/event-stream"):
        headers.append(("Cache-Control", "no-cache, no-transform"))
    if warnings := as_string(kept.get("warnings")):
        headers.append((_WARNINGS, warnings))
    return Response(headers=headers, body=body)


class _Recorder:
    """Keeps what the caller gets, unless it is too large or fails on the way (`upstream.relay.Watcher`)."""

    def __init__(self, context: Context, key: str, response: Response, *, seconds: int) -> None:
        self._context = context
        self._key = key
        self._response = response
        self._seconds = seconds
        self._content: bytearray | None = bytearray()
        self._inner: Watcher | None = None

    def attach(self) -> None:
        """Record the response's body, now or as it goes out."""
        body = self._response.body
        if isinstance(body, str | bytes):
            self._add(body.encode() if isinstance(body, str) else body)
            self._keep()
        elif isinstance(body, Relay):
            self._inner, body.watcher = body.watcher, self
        elif isinstance(body, AsyncGenerator):
            self._response.body = self._copy(body)

    @property
    def reads(self) -> bool:
        """See `Watcher.reads`."""
        return True

    @property
    def edits(self) -> bool:
        """See `Watcher.edits`."""
        return self._watcher.edits

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""
        self._watcher.feed(piece)
        if not self.edits:
            self._add(piece)

    def edit(self, piece: bytes) -> bytes:
        """See `Watcher.edit`."""
        edited = self._watcher.edit(piece)
        self._add(edited)
        return edited

    def end(self, error: ProviderError | None) -> bytes | None:
        """See `Watcher.end`."""
        rest = self._watcher.end(error)
        if error is None and rest is not None:
            self._add(rest)
            self._keep()
        return rest

    def leave(self) -> None:
        """See `Watcher.leave`."""
        self._watcher.leave()

    @property
    def _watcher(self) -> Watcher:
        if self._inner is None:
            raise RuntimeError("not a relay")
        return self._inner

    async def _copy(self, frames: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        async with aclosing(frames):
            async for frame in frames:
                self._add(frame.encode())
                yield frame
        self._keep()

    def _add(self, piece: bytes) -> None:
        if self._content is None:
            return
        self._content += piece
        if len(self._content) > SIZE_LIMIT:
            self._content = None

    def _keep(self) -> None:
        context, content, usage = self._context, self._content, self._context.usage
        if not content or context.error_code is not None or usage is None:
            return
        headers = dict(self._response.headers)
        text = json.dumps(
            {
                "body": content.decode("utf-8", "replace"),
                "content_type": headers.get("Content-Type"),
                "warnings": headers.get(_WARNINGS),
                "provider": usage.provider,
                "model": usage.model,
                "request_id": context.request_id,
            },
            ensure_ascii=False,
        )
        context.defer(lambda: context.bindings.cache.put(self._key, text, ttl_seconds=self._seconds))
