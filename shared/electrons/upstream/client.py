"""Call providers: the one place with timeouts, retries and the mapping of failures.

One retry policy for all: 408, 409, 429, 5xx (also 529) and connections that failed without a response. The provider's
`Retry-After` is obeyed, otherwise the pause doubles from half a second with jitter. There are at most `MAX_RETRIES`
retries, and none when the pause would exceed `MAX_RETRY_DELAY_SECONDS` or the total time, or after the first byte of a
response. A timeout is not retried: the provider may be working, and the call would be paid for twice.

A request that is not `repeatable` is retried only when the provider itself says that it has not accepted it: 429, and
503 with `Retry-After`. A lost connection, or a 5xx that a gateway may have written, can come after the work.

A call that may have been paid for all the same counts as the most that it can use (`Usage.unknown`), and a retry after
it is held to the budgets once more. `fetch` fails alike for a connection that was refused and one that was lost; where
Cloudflare itself finds no way to the provider, it answers with a status.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar

import httpx2

from electrons.context import Context
from electrons.errors import (
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
    ProviderUnreachableError,
)
from electrons.http import TextHeaders
from electrons.upstream.accounts import Account
from electrons.upstream.budgets import find_charged, find_most, reserve_budget
from electrons.upstream.errors import status_of_code
from electrons.upstream.failures import parsing, reading, too_slow, unreadable
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.reading import UnreadableError, as_object, load_json

T = TypeVar("T")

RESPONSE_LIMIT = 32 * 1024 * 1024
"""Bytes of a provider's response, whole or streamed."""

DOCUMENT_LIMIT = 8 * 1024 * 1024
"""Bytes of a JSON document of a provider's, which is in memory several times while it is read."""

USER_AGENT = "distributed-electrons/0.1"

_AI_GATEWAY = "https://gateway.ai.cloudflare.com/"
"""Where an authenticated gateway wants a token besides the provider's key.

https://developers.cloudflare.com/ai-gateway/configuration/authentication/
"""

_CONFIDENTIAL = "electrons.confidential"
"""The extension of a response with the strings that an error must not quote."""

_SECRET_LENGTH = 12
"""Characters of the shortest API key that a vendor issues; in local runs they are shorter."""

_FIRST_PAUSE_SECONDS = 0.5
_RETRIED_STATUS = {408, 409}

_NOT_REACHED = {521, 523, 525, 526, 530}
"""What Cloudflare answers for a server that it could not send the request to: refused, no route, TLS, DNS.

https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/
"""


async def call_provider(
    context: Context, provider: Provider, request: ProviderRequest, parse: Callable[[dict[str, Any]], T]
) -> T:
    """Send a request and return what `parse` makes of the JSON object in the response. Raises `ProviderError`."""
    async with open_response(context, provider, request) as response:
        document = await read_json(provider, response)
    with parsing(provider):
        return parse(document)


async def read_json(provider: Provider, response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON object in an open response, for those who need its headers too.

    Raises `ProviderError`, also for an error that the provider reports with a status of 200.
    """
    document = await read_document(provider, response)
    if document.get("error") or document.get("success") is False:
        raise parse_reported_error(provider, document, response)
    return document


async def read_document(provider: Provider, response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON object in an open response. Raises `ProviderError` for anything else."""
    chunks = [chunk async for chunk in iterate_body(provider, response, max_bytes=DOCUMENT_LIMIT)]
    return load_document(provider, b"".join(chunks))


def load_document(provider: Provider, content: bytes) -> dict[str, Any]:
    """Return the JSON object in the body of a response. Raises `ProviderError` for anything else."""
    with parsing(provider):
        document = load_json(content)
        if not isinstance(document, dict):
            raise UnreadableError("the body is not a JSON object")
    return document


@asynccontextmanager
async def open_response(
    context: Context, provider: Provider, request: ProviderRequest, *, total_timeout_seconds: float | None = None
) -> AsyncIterator[httpx2.Response]:
    """Open a 2xx response whose body has not been read; the end of the block closes it and so cancels the call.

    Reserves what the call may cost first, and raises what `Context.begin_spending` and `reserve_budget` raise.
    Adds the time spent waiting to `context.usage.upstream_ms`, if that is this provider's usage.
    """
    await context.begin_spending()
    await reserve_budget(context, provider, request)
    total_seconds = total_timeout_seconds or context.settings.total_timeout_seconds or None
    started = time.monotonic()
    opened = started
    response: httpx2.Response | None = None
    try:
        async with asyncio.timeout(total_seconds):
            response = await _send_with_retries(
                context, provider, request, deadline=started + (total_seconds or float("inf"))
            )
            opened = time.monotonic()
            context.upstream_seconds += opened - started
            yield response
    except TimeoutError as error:
        raise too_slow(provider) from error
    except ProviderError as error:
        usage = find_charged(context, provider, request)
        if usage is not None and response is not None and not _may_have_spent(error, request):
            usage.end_call(is_unknown=False)
        raise
    finally:
        if response is not None:
            await _stream(response).aclose()
        ended = time.monotonic()
        context.upstream_seconds += ended - opened
        if context.usage is not None and context.usage.provider == provider.name:
            context.usage.upstream_ms += round((ended - started) * 1000)


async def iterate_body(
    provider: Provider, response: httpx2.Response, *, max_bytes: float = RESPONSE_LIMIT
) -> AsyncGenerator[bytes, None]:
    """Iterate over the body's bytes, at most `max_bytes`. A broken or stalled body becomes a `ProviderError`."""
    size = 0
    # What needs no decoding is read without the decoder's two generators.
    chunks = response.aiter_bytes() if "content-encoding" in response.headers else _stream(response)
    with reading(provider):
        async for chunk in chunks:
            size += len(chunk)
            if size > max_bytes:
                raise unreadable(provider)
            yield chunk


def _stream(response: httpx2.Response) -> httpx2.AsyncByteStream:
    """Return the body as the transport has it, without what httpx2 does for its own client."""
    if not isinstance(response.stream, httpx2.AsyncByteStream):
        raise TypeError(f"not a stream of an asynchronous transport: {response.stream!r}")
    return response.stream


def conceal_error(error: ProviderError, response: httpx2.Response) -> None:
    """Remove the strings that must not be quoted from an error that a parser found in an open response."""
    error.message = _conceal_string(error.message, response.extensions[_CONFIDENTIAL])
    error.args = (error.message,)


async def _send_with_retries(
    context: Context, provider: Provider, request: ProviderRequest, *, deadline: float
) -> httpx2.Response:
    settings = context.settings
    max_retries = settings.max_retries if context.max_retries is None else context.max_retries
    account = Account(context, provider, request)
    usage = find_charged(context, provider, request)
    attempt = 0
    while True:
        api_key = await account.admit()
        if usage is not None:
            usage.begin_call(find_most(usage, request))
        try:
            response = await _send_once(context, provider, request, api_key)
        except ProviderError as error:
            is_unknown = _may_have_spent(error, request)
            context.has_spent |= is_unknown
            if usage is not None:
                usage.end_call(is_unknown=is_unknown)
            if account.note(api_key, error):
                continue
            pause = _pause(error, attempt)
            retried = attempt < max_retries and _is_retried(error, repeatable=request.repeatable)
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
        else:
            account.note(api_key, None)
            return response
        attempt += 1
        await asyncio.sleep(pause)
        if is_unknown:
            await reserve_budget(context, provider, request)


async def _send_once(context: Context, provider: Provider, request: ProviderRequest, api_key: str) -> httpx2.Response:
    settings = context.settings
    context.attempts += 1
    chosen = {name.lower() for name, _ in request.headers}
    headers = [] if request.file_url else provider.build_headers(api_key, context.request_id)
    headers = [(name, value) for name, value in headers if name.lower() not in chosen]
    timeout = {
        "connect": settings.connect_timeout_seconds,
        "first_byte": settings.first_byte_timeout_seconds,
        "read": settings.idle_timeout_seconds,
    }
    if not request.file_url:
        headers.append(("traceparent", context.trace.header))
    url = request.file_url or provider.url(settings, request.path)
    gateway_token = settings.ai_gateway_token.reveal() if url.startswith(_AI_GATEWAY) else ""
    if gateway_token:
        headers.append(("cf-aig-authorization", f"Bearer {gateway_token}"))
    target, host = _parse_url(url)
    headers += [("User-Agent", USER_AGENT), ("Accept-Encoding", "identity"), ("Host", host)]
    if request.content:
        headers.append(("Content-Length", str(len(request.content))))
    # Given a stream, httpx2 leaves the headers as they are: finding them out would cost as much as all the rest of it.
    outgoing = httpx2.Request(
        request.method,
        target,
        stream=httpx2.ByteStream(request.content),
        extensions={"timeout": timeout},
    )
    outgoing.headers = TextHeaders([*request.headers, *headers])
    try:
        response = await context.http.handle_async_request(outgoing)
    except httpx2.TimeoutException as error:
        raise too_slow(provider) from error
    except httpx2.TransportError as error:
        message = f"{provider.title} cannot be reached: retry later, or check `{provider.base_url_setting.name}`"
        raise ProviderUnreachableError(message, provider=provider.name) from error
    response.request = outgoing
    response.extensions[_CONFIDENTIAL] = (api_key, gateway_token, *request.confidential)
    if not 200 <= response.status_code < 300:
        raise await _read_error(provider, response)
    return response


async def _read_error(provider: Provider, response: httpx2.Response) -> ProviderError:
    """Return the error that a response is, and close it."""
    confidential = response.extensions[_CONFIDENTIAL]
    try:
        content = b"".join([chunk async for chunk in iterate_body(provider, response, max_bytes=DOCUMENT_LIMIT)])
    except ProviderError:
        content = b""  # the status says enough
    finally:
        await _stream(response).aclose()
    # A short one may be part of any header: a number of seconds, a request id.
    long = tuple(secret for secret in confidential if len(secret) >= _SECRET_LENGTH)
    headers = {name: _conceal_string(value, long) for name, value in response.headers.items()}
    content = _conceal(content, confidential)
    error = provider.parse_error(response.status_code, headers, content)
    error.content = content
    return error


def parse_reported_error(provider: Provider, document: dict[str, Any], response: httpx2.Response) -> ProviderError:
    """Return the error that a response with a status of 200 reports; its codes may stand for another status."""
    error = as_object(document.get("error"))
    codes = (error.get("code"), error.get("type"), error.get("status"), document.get("code"))
    status = status_of_code(*codes, default=200)
    content = _conceal(json.dumps(document).encode(), response.extensions[_CONFIDENTIAL])
    reported = provider.parse_error(status, {}, content)
    reported.content = content
    return reported


def _conceal(content: bytes, confidential: tuple[str, ...]) -> bytes:
    """Return an error's body without the strings that its vendor may quote: the refused key, a secret in a program."""
    try:
        # Within JSON a string may be written in many ways.
        return json.dumps(_conceal_value(load_json(content), confidential)).encode()
    except (ValueError, RecursionError):
        text = content.decode("utf-8", "surrogateescape")
        return _conceal_string(text, confidential).encode("utf-8", "surrogateescape")


def _conceal_value(value: Any, confidential: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _conceal_string(value, confidential)
    if isinstance(value, list):
        return [_conceal_value(item, confidential) for item in value]
    if isinstance(value, dict):
        return {_conceal_value(name, confidential): _conceal_value(item, confidential) for name, item in value.items()}
    return value


def _conceal_string(string: str, confidential: tuple[str, ...]) -> str:
    for secret in sorted(filter(None, confidential), key=len, reverse=True):
        string = string.replace(secret, "***")
    return string


@lru_cache(maxsize=64)
def _parse_url(url: str) -> tuple[httpx2.URL, str]:
    parsed = httpx2.URL(url)
    return parsed, parsed.netloc.decode()


def _is_retried(error: ProviderError, *, repeatable: bool) -> bool:
    if isinstance(error, ProviderQuotaError | ProviderRejectedError):
        return False
    if isinstance(error, ProviderRateLimitError):  # some vendors say so with another status than 429
        return True
    status = error.upstream_status or 0
    if not repeatable:
        return status == 503 and error.retry_after is not None
    return isinstance(error, ProviderUnreachableError) or status in _RETRIED_STATUS or status >= 500


def _may_have_spent(error: ProviderError, request: ProviderRequest) -> bool:
    """Return whether a call that failed may be paid, or have changed something, all the same.

    A status is the provider's own word that it has failed; where work is not repeated, a gateway may know less of it.
    """
    status = error.upstream_status or 0
    if request.method == "GET" or not error.was_called or 300 <= status < 400 or status in _NOT_REACHED:
        return False
    if not status or request.repeatable:
        return not status
    return status < 300 or (status >= 500 and not _is_retried(error, repeatable=False))


def _pause(error: ProviderError, attempt: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return _FIRST_PAUSE_SECONDS * (1 << attempt) * random.uniform(0.75, 1.0)  # noqa: S311  # jitter needs no secrecy
