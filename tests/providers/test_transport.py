"""The one policy for calls to providers: what is retried, and which errors failures become."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import pytest

from electrons.context import Context
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
    ProviderTimeoutError,
    ProviderUnreachableError,
)
from electrons.logs import Logger
from electrons.providers.openai.provider import OpenAIProvider
from electrons.upstream.client import DOCUMENT_LIMIT, call_provider
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import UnreadableError
from tests.providers.cases import API_KEY, Handler, create_context

PROVIDER = OpenAIProvider()
AT_ONCE = {"Retry-After": "0"}
OK = httpx2.Response(200, content=b'{"ok": true}')


class Script:
    """A provider that answers with each step in turn, raising those that are errors; it records the requests."""

    def __init__(self, *steps: httpx2.Response | Exception) -> None:
        self._steps: Iterator[httpx2.Response | Exception] = iter(steps)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        step = next(self._steps)
        if isinstance(step, Exception):
            raise step
        return step


def failing(status: int, headers: dict[str, str] = AT_ONCE, code: str = "any") -> httpx2.Response:
    return httpx2.Response(status, headers=headers, json={"error": {"message": "No", "type": "any", "code": code}})


async def call(handler: Handler, **settings: Any) -> tuple[Context, dict[str, Any]]:
    context = create_context(PROVIDER, handler, **settings)
    request = ProviderRequest.json("/work", {"a": 1}, headers=[("X-A", "1")])
    return context, await call_provider(context, PROVIDER, request, dict)


async def test_success_is_one_request_with_all_headers() -> None:
    script = Script(OK)

    context, document = await call(script, OPENAI_BASE_URL="http://127.0.0.1:1/v1")

    assert document == {"ok": True}
    (request,) = script.requests
    assert (request.method, str(request.url)) == ("POST", "http://127.0.0.1:1/v1/work")
    assert request.content == b'{"a":1}'
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert request.headers["X-Client-Request-Id"] == "request-1"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-A"] == "1"
    assert request.headers["User-Agent"].startswith("distributed-electrons/")
    assert context.usage is not None
    assert context.usage.upstream_ms >= 0


async def test_timeouts_are_those_of_the_deployment() -> None:
    script = Script(OK)

    await call(script, connect_timeout_seconds=1.0, first_byte_timeout_seconds=2.0, idle_timeout_seconds=3.0)

    assert script.requests[0].extensions["timeout"] == {"connect": 1.0, "first_byte": 2.0, "read": 3.0}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_passing_failure_is_retried(status: int) -> None:
    script = Script(failing(status), failing(status), OK)

    _, document = await call(script)

    assert document == {"ok": True}
    assert len(script.requests) == 3


async def test_last_failure_is_raised_after_all_retries() -> None:
    script = Script(failing(500), failing(500), failing(429))

    with pytest.raises(ProviderRateLimitError):
        await call(script)

    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (302, "any", ProviderError),
        (400, "any", ProviderRejectedError),
        (401, "any", ProviderAuthError),
        (402, "any", ProviderQuotaError),
        (403, "any", ProviderAuthError),
        (404, "any", ProviderRejectedError),
        (422, "any", ProviderRejectedError),
        (429, "insufficient_quota", ProviderQuotaError),
    ],
)
async def test_lasting_failure_is_not_retried(status: int, code: str, expected: type) -> None:
    script = Script(failing(status, code=code))

    with pytest.raises(ProviderError) as caught:
        await call(script)

    assert type(caught.value) is expected
    assert len(script.requests) == 1


async def test_failed_connection_is_retried() -> None:
    script = Script(httpx2.ConnectError("refused"), OK)

    _, document = await call(script)

    assert document == {"ok": True}


async def test_no_connection_is_unreachable_with_its_cause() -> None:
    script = Script(httpx2.ConnectError("refused"))

    with pytest.raises(ProviderUnreachableError) as caught:
        await call(script, max_retries=0)

    assert isinstance(caught.value.__cause__, httpx2.ConnectError)
    assert "refused" not in caught.value.message


async def test_retries_can_be_switched_off() -> None:
    script = Script(failing(503))

    with pytest.raises(ProviderError):
        await call(script, max_retries=0)

    assert len(script.requests) == 1


@pytest.mark.parametrize("headers", [{"Retry-After": "21"}, {"retry-after-ms": "20001"}])
async def test_pause_over_the_limit_is_not_waited_for(headers: dict[str, str]) -> None:
    script = Script(failing(429, headers))

    with pytest.raises(ProviderRateLimitError) as caught:
        await call(script, max_retry_delay_seconds=20.0)

    assert len(script.requests) == 1
    assert caught.value.headers == [("Retry-After", "21")]


async def test_pause_longer_than_the_time_left_is_not_waited_for() -> None:
    script = Script(failing(503, {"Retry-After": "6"}))

    with pytest.raises(ProviderError) as caught:
        await call(script, total_timeout_seconds=5.0)

    assert type(caught.value) is ProviderError
    assert len(script.requests) == 1


async def test_milliseconds_win_over_seconds() -> None:
    script = Script(failing(429, {"Retry-After": "3600", "retry-after-ms": "1"}), OK)

    await call(script)

    assert len(script.requests) == 2


async def test_timeout_is_not_retried() -> None:
    script = Script(httpx2.ReadTimeout("no answer in time"))

    with pytest.raises(ProviderTimeoutError):
        await call(script)

    assert len(script.requests) == 1


async def test_total_timeout_ends_the_call() -> None:
    async def wait(_request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        return OK

    with pytest.raises(ProviderTimeoutError):
        await call(wait, total_timeout_seconds=0.01)


class Body(httpx2.AsyncByteStream):
    """A body that yields its pieces and then fails."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._error:
            raise self._error

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("error", "expected"),
    [(httpx2.ReadError("reset"), ProviderError), (httpx2.ReadTimeout("stalled"), ProviderTimeoutError)],
)
async def test_interrupted_response_is_not_retried(error: Exception, expected: type) -> None:
    body = Body(b'{"ok"', error=error)
    script = Script(httpx2.Response(200, stream=body))

    with pytest.raises(ProviderError) as caught:
        await call(script)

    assert type(caught.value) is expected
    assert len(script.requests) == 1
    assert body.closed


async def test_interrupted_error_response_counts_by_its_status() -> None:
    script = Script(httpx2.Response(401, stream=Body(b'{"err', error=httpx2.ReadError("reset"))))

    with pytest.raises(ProviderAuthError, match="OpenAI rejected the API key: check `OPENAI_API_KEY`"):
        await call(script)


@pytest.mark.parametrize(("status", "message"), [(200, "cannot be read"), (401, "rejected the API key")])
async def test_response_over_the_limit_is_given_up(status: int, message: str) -> None:
    piece = b" " * (DOCUMENT_LIMIT // 4)
    body = Body(*[piece] * 5, error=AssertionError("read on"))

    with pytest.raises(ProviderError, match=message):
        await call(Script(httpx2.Response(status, stream=body)))

    assert body.closed


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b"\xff"])
async def test_response_without_a_json_object_is_a_provider_error(content: bytes) -> None:
    with pytest.raises(ProviderError, match="OpenAI returned a response that cannot be read"):
        await call(Script(httpx2.Response(200, content=content)))


async def test_each_retry_is_logged_without_content() -> None:
    lines: list[str] = []
    context = create_context(PROVIDER, Script(failing(503), OK))
    context.log = Logger(worker="worker", write=lambda _level, line: lines.append(line))

    await call_provider(context, PROVIDER, ProviderRequest.json("/work", {"prompt": "private"}, headers=[]), dict)

    (line,) = lines
    assert '"event":"retry"' in line
    assert '"status":503' in line
    assert "private" not in line


async def test_error_when_provider_echoes_key_in_header_then_hidden() -> None:
    response = failing(401)
    response.headers["x-request-id"] = f"req-{API_KEY}"

    with pytest.raises(ProviderAuthError) as caught:
        await call(Script(response))

    assert API_KEY not in str(caught.value.details)
    assert "req-***" in str(caught.value.details)


def refuse(_document: dict[str, Any]) -> object:
    raise UnreadableError("`usage.tokens` is not a whole number")


def quote(document: dict[str, Any]) -> object:
    return int(document["text"])


@pytest.mark.parametrize(
    ("parse", "reason"),
    [
        (refuse, r"`usage\.tokens` is not a whole number"),
        (quote, r"ValueError in test_transport\.py, line \d+"),
        (lambda document: document["nothing"], r"KeyError in test_transport\.py, line \d+"),
    ],
)
async def test_cause_of_a_parsers_failure_quotes_nothing(
    parse: Callable[[dict[str, Any]], object], reason: str
) -> None:
    context = create_context(PROVIDER, Script(httpx2.Response(200, json={"text": "private"})))

    with pytest.raises(ProviderError, match="cannot be read") as caught:
        await call_provider(context, PROVIDER, ProviderRequest.json("/work", {}, headers=[]), parse)

    assert re.fullmatch(reason, str(caught.value.__cause__))


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"error": {"code": "rate_limit_exceeded", "message": "Slow"}}, ProviderRateLimitError),
        ({"error": {"type": "insufficient_quota", "message": "Pay"}}, ProviderQuotaError),
        ({"error": "Down"}, ProviderError),
        ({"success": False, "message": "Down"}, ProviderError),
    ],
)
async def test_error_in_a_200_is_that_error(document: dict[str, Any], kind: type) -> None:
    script = Script(httpx2.Response(200, json=document))

    with pytest.raises(ProviderError) as caught:
        await call(script)

    assert type(caught.value) is kind
    assert caught.value.provider == "openai"
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [200, 400, 503])
async def test_error_that_echoes_our_key_hides_it(status: int) -> None:
    document = {"error": {"message": f"Key {API_KEY}", "code": API_KEY, "type": API_KEY}}
    headers = {"x-request-id": f"req-{API_KEY}"}

    with pytest.raises(ProviderError) as caught:
        await call(Script(httpx2.Response(status, headers=headers, json=document)), max_retries=0)

    assert "Key ***" in caught.value.message
    assert API_KEY not in str(caught.value.to_body("request-1"))
