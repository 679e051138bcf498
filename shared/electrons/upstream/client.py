"""The one place that calls providers: timeouts, retries and the mapping of failures.

One retry policy for all: 408, 409, 429, 5xx (529 is one) and connections that never gave an answer; the provider's
`Retry-After` is obeyed, otherwise the pause doubles from half a second with jitter; never more than `MAX_RETRIES`
times, never when the pause would exceed `MAX_RETRY_DELAY_SECONDS` or the total time, and never once a byte of an
answer has come. A slow provider (a timeout) is not asked again: it may be working, and would be paid twice.

A request that is not `repeatable` is made again only where the provider itself says that it has not taken it on: 429,
and 503 with `Retry-After`. A lost connection, and a 5xx that a gateway may have written, can come after the work.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

import httpx2
from pydantic_core import from_json

from electrons.context import Context
from electrons.errors import (
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
)
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.reading import PARSE_ERRORS, load_json

T = TypeVar("T")

RESPONSE_LIMIT = 32 * 1024 * 1024
"""Bytes of a whole (not streamed) answer of a provider."""

USER_AGENT = "distributed-electrons/0.1"

_FIRST_PAUSE_SECONDS = 0.5
_RETRIED_STATUS = {408, 409}


async def call_provider(
    context: Context, provider: Provider, request: ProviderRequest, parse: Callable[[dict[str, Any]], T]
) -> T:
    """Send a request and return what `parse` makes of the JSON object in the answer. Raises `ProviderError`."""
    async with open_response(context, provider, request) as response:
        document = await read_json(provider, response)
    with parsing(provider):
        return parse(document)


@contextmanager
def parsing(provider: Provider) -> Iterator[None]:
    """Turn what a parser raises for an answer of another shape than the documented one into a `ProviderError`."""
    try:
        yield
    except PARSE_ERRORS as error:
        raise unreadable(provider) from error


async def read_json(provider: Provider, response: httpx2.Response) -> dict[str, Any]:
    """The JSON object in an open answer, for those who want its headers too. Raises `ProviderError`."""
    content = b"".join([chunk async for chunk in iterate_body(provider, response)])
    try:
        document = load_json(content)
    except ValueError as error:
        raise unreadable(provider) from error
    if not isinstance(document, dict):
        raise unreadable(provider)
    return document


@asynccontextmanager
async def open_response(
    context: Context, provider: Provider, request: ProviderRequest, *, total_timeout_seconds: float | None = None
) -> AsyncIterator[httpx2.Response]:
    """A 2xx answer whose body has not been read; it is closed, and with that the call cancelled, at the block's end.

    Adds the time that was waited to `context.usage.upstream_ms`, if it is this provider's use that is counted.
    """
    total_seconds = total_timeout_seconds or context.settings.total_timeout_seconds or None
    started = time.monotonic()
    response: httpx2.Response | None = None
    try:
        async with asyncio.timeout(total_seconds):
            response = await _send_with_retries(
                context, provider, request, deadline=started + (total_seconds or float("inf"))
            )
            yield response
    except TimeoutError as error:
        raise _too_slow(provider) from error
    finally:
        if response is not None:
            await response.aclose()
        if context.usage is not None and context.usage.provider == provider.name:
            context.usage.upstream_ms += round((time.monotonic() - started) * 1000)


async def iterate_body(provider: Provider, response: httpx2.Response) -> AsyncIterator[bytes]:
    """The answer's bytes as they come, at most `RESPONSE_LIMIT`. A broken or stalled body becomes a `ProviderError`."""
    size = 0
    try:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > RESPONSE_LIMIT:
                raise unreadable(provider)
            yield chunk
    except httpx2.TimeoutException as error:
        raise _too_slow(provider) from error
    except httpx2.TransportError as error:
        raise ProviderError(f"{provider.title}'s answer broke off", provider=provider.name) from error


def unreadable(provider: Provider) -> ProviderError:
    """The error for a successful answer that is not what the provider documents."""
    return ProviderError(f"{provider.title} gave an answer that cannot be read", provider=provider.name)


async def _send_with_retries(
    context: Context, provider: Provider, request: ProviderRequest, *, deadline: float
) -> httpx2.Response:
    settings = context.settings
    for attempt in range(settings.max_retries + 1):
        try:
            return await _send_once(context, provider, request)
        except ProviderError as error:
            pause = _pause(error, attempt)
            retried = attempt < settings.max_retries and _is_retried(error, repeatable=request.repeatable)
            if not retried or pause > min(settings.max_retry_delay_seconds, deadline - time.monotonic()):
                raise
            context.log.warning(
                "retry",
                request_id=context.request_id,
                provider=provider.name,
                status=error.upstream_status,
                attempt=attempt + 1,
                pause_ms=round(pause * 1000),
            )
        await asyncio.sleep(pause)
    raise AssertionError("the loop returns or raises")


async def _send_once(context: Context, provider: Provider, request: ProviderRequest) -> httpx2.Response:
    settings = context.settings
    api_key = provider.api_key(settings)
    headers = [] if request.file_url else provider.build_headers(api_key, context.request_id)
    timeout = {
        "connect": settings.connect_timeout_seconds,
        "first_byte": settings.first_byte_timeout_seconds,
        "read": settings.idle_timeout_seconds,
    }
    outgoing = httpx2.Request(
        request.method,
        _parse_url(request.file_url or provider.url(settings, request.path)),
        headers=[*request.headers, *headers, ("User-Agent", USER_AGENT), ("Accept-Encoding", "identity")],
        content=request.content,
        extensions={"timeout": timeout},
    )
    try:
        response = await context.http.handle_async_request(outgoing)
    except httpx2.TimeoutException as error:
        raise _too_slow(provider) from error
    except httpx2.TransportError as error:
        message = f"{provider.title} cannot be reached"
        raise ProviderUnreachableError(message, provider=provider.name) from error
    response.request = outgoing
    if not response.is_success:
        await _raise_for(provider, response, (api_key, *request.confidential))
    return response


async def _raise_for(provider: Provider, response: httpx2.Response, confidential: tuple[str, ...]) -> NoReturn:
    try:
        content = b"".join([chunk async for chunk in iterate_body(provider, response)])
    except ProviderError:
        content = b""  # the status says enough
    finally:
        await response.aclose()
    headers = {name: _conceal_text(value, confidential) for name, value in response.headers.items()}
    raise provider.parse_error(response.status_code, headers, _conceal(content, confidential))


def _conceal(content: bytes, confidential: tuple[str, ...]) -> bytes:
    """An error's body without the texts that its vendor may quote: the key that it refuses, a secret in a program."""

    def conceal(value: Any) -> Any:
        if isinstance(value, str):
            value = _conceal_text(value, confidential)
        elif isinstance(value, list):
            value = [conceal(item) for item in value]
        elif isinstance(value, dict):
            value = {name: conceal(item) for name, item in value.items()}
        return value

    try:
        # Within JSON a text may be written in many ways.
        return json.dumps(conceal(from_json(content))).encode()
    except ValueError:
        return _conceal_text(content.decode("utf-8", "surrogateescape"), confidential).encode(
            "utf-8", "surrogateescape"
        )


def _conceal_text(text: str, confidential: tuple[str, ...]) -> str:
    for secret in sorted(filter(None, confidential), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


@lru_cache(maxsize=64)
def _parse_url(url: str) -> httpx2.URL:
    return httpx2.URL(url)


def _is_retried(error: ProviderError, *, repeatable: bool) -> bool:
    if isinstance(error, ProviderQuotaError | ProviderRejectedError):
        return False
    if isinstance(error, ProviderRateLimitError):  # some vendors say so with another status than 429
        return True
    status = error.upstream_status or 0
    if not repeatable:
        return status == 503 and error.retry_after is not None
    return isinstance(error, ProviderUnreachableError) or status in _RETRIED_STATUS or status >= 500


def _pause(error: ProviderError, attempt: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return _FIRST_PAUSE_SECONDS * (1 << attempt) * random.uniform(0.75, 1.0)  # noqa: S311  # jitter needs no secrecy


def _too_slow(provider: Provider) -> ProviderTimeoutError:
    return ProviderTimeoutError(f"{provider.title} took too long to answer", provider=provider.name)
