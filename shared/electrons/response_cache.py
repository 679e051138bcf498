"""Answer the same request with the same response, from KV, where the caller or the deployment asks for it.

`X-DE-Cache-TTL` is how long a response may be used again, in seconds; 0 asks for a new one. It belongs to the caller
unless `X-DE-Cache-Scope: deployment` shares it with all. Only whole successful responses are kept, streams included: a
stream is kept as the frames that the caller got, and comes back as the same frames at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from electrons.context import Context
from electrons.errors import RequestError
from electrons.http import Response
from electrons.logs import timestamp
from electrons.storage.ledger import record_usage
from electrons.upstream.reading import as_object, as_string, load_json
from electrons.upstream.recording import Recording
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
    context: Context,
    read_content: Callable[[], bytes],
    produce: Callable[[], Awaitable[Response]],
    *,
    default_seconds: int = 0,
) -> Response:
    """Return the kept response to a request with the same content, or the one of `produce()`, which is then kept.

    `read_content` returns what the response depends on, and is called only where responses are kept. `default_seconds`
    is the deployment's setting. Raises `RequestError` for a wrong header, and what `produce` raises.
    """
    seconds = _read_seconds(context, default_seconds)
    if not seconds:
        return await produce()
    key = _key(context, read_content())
    if (kept := await _read(context, key)) is not None:
        return _replay(context, kept)
    context.headers += [("X-DE-Cache", "miss"), ("X-DE-Cache-TTL", str(seconds))]
    response = await produce()
    if response.status == 200:
        recording = Recording(response, limit=SIZE_LIMIT)
        context.defer(lambda: _keep(context, key, recording, response, seconds=seconds))
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


async def _keep(context: Context, key: str, recording: Recording, response: Response, *, seconds: int) -> None:
    """Keep what the caller has got, unless it is too large or has failed on the way."""
    content, usage = recording.content, context.usage
    if not content or context.error_code is not None or usage is None:
        return
    headers = dict(response.headers)
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
    await context.bindings.cache.put(key, text, ttl_seconds=seconds)
