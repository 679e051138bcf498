"""A client that calls an `App` as the runtime does: the response, its stream to the end, then the deferred work."""

from __future__ import annotations

import json as json_module
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx2

from electrons.app import App
from electrons.bindings import Bindings
from electrons.context import Context
from electrons.errors import PayloadTooLargeError, ProviderError
from electrons.http import Headers, Request, Response
from electrons.logs import Level, Logger
from electrons.settings import Settings
from electrons.testing.bindings import MemoryBody, create_memory_bindings
from electrons.upstream.relay import Relay


@dataclass(slots=True)
class TestResponse:
    """One response. `frames` are the events of a stream.

    `log` has the request's log lines, parsed.
    """

    __test__: ClassVar[bool] = False  # pytest takes classes of this name for tests

    status: int
    headers: Headers
    body: bytes
    frames: list[str] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)

    def json(self) -> Any:
        """Return the body as JSON."""
        return json_module.loads(self.body)

    def events(self) -> list[Any]:
        """Return the JSON documents in a stream's `data:` frames."""
        return [json_module.loads(frame.removeprefix("data: ")) for frame in self.frames]


class TestClient:
    """A client of one app. Without `settings` access is open; without `bindings` they are in memory, new and empty.
    `host` is what its URLs name.

    `http` takes the calls to providers, e.g. an `httpx2.MockTransport`; without one every such call fails.
    """

    __test__ = False  # pytest takes classes of this name for tests

    def __init__(
        self,
        app: App,
        *,
        settings: Settings | None = None,
        bindings: Bindings | None = None,
        http: httpx2.AsyncBaseTransport | None = None,
        host: str = "",
    ) -> None:
        self.app = app
        self.host = host or f"{app.service}.example"
        self.settings = settings or Settings(auth_mode="open")
        self.bindings = bindings or create_memory_bindings()
        self.http = http or httpx2.MockTransport(_refuse)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send a request and run it to its end, deferred work included. The body is `json` or, if None, `content`."""
        lines: list[str] = []
        context = self.create_context(
            method, path, content=content if json is None else json_module.dumps(json).encode(), headers=headers
        )
        context.log = Logger(worker=self.app.service, write=lambda _level, line: lines.append(line))
        response = await self.app.handle(context)
        pieces: list[bytes] = []
        try:
            if isinstance(response.body, Relay):
                with suppress(ProviderError):  # which breaks the connection
                    async with aclosing(response.body.iterate()) as relayed:
                        async for piece in relayed:
                            pieces.append(piece)  # noqa: PERF401  # what comes before it breaks counts
            elif isinstance(response.body, AsyncGenerator):
                async with aclosing(response.body) as source:
                    pieces += [piece.encode() async for piece in source]
        finally:
            await context.finish()
        return TestResponse(
            status=response.status,
            headers=Headers(response.headers),
            body=b"".join(pieces) or _body_bytes(response),
            frames=_split(b"".join(pieces).decode("utf-8", "replace")),
            log=[json_module.loads(line) for line in lines],
        )

    def create_context(
        self, method: str, path: str, *, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Context:
        """Return the context of a new request, for tests of functions that take one; its log is dropped."""

        async def read(_length: int | None, limit: int) -> bytes:
            if len(content) > limit:
                raise PayloadTooLargeError(limit)
            return content

        return Context(
            service=self.app.service,
            request=Request(
                method=method,
                url=f"https://{self.host}{path}",
                headers=Headers({"Content-Length": str(len(content)), **(headers or {})}.items()),
                reader=read,
            ),
            settings=self.settings,
            bindings=self.bindings,
            http=self.http,
            log=Logger(worker=self.app.service, write=_drop),
        )


def _split(text: str) -> list[str]:
    return [f"{frame}\n\n" for frame in text.split("\n\n") if frame]


def _body_bytes(response: Response) -> bytes:
    if isinstance(response.body, MemoryBody):
        return response.body.content
    if isinstance(response.body, str):
        return response.body.encode()
    return response.body if isinstance(response.body, bytes) else b""


def _drop(_level: Level, _line: str) -> None:
    pass


def _refuse(request: httpx2.Request) -> httpx2.Response:
    raise AssertionError(f"{request.method} {request.url}: this test client has no `http` to call it with")
