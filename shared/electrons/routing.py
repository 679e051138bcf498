"""Routes, and the router that finds one by method and path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from electrons.bindings import Bindings
from electrons.errors import MethodNotAllowedError, RouteNotFoundError
from electrons.http import Request, Response
from electrons.settings import Settings

Handler = Callable[..., Awaitable[BaseModel | Response]]
Estimate = Callable[[Any], Mapping[str, int]]

Dialect = Literal["openai", "anthropic"]
"""The vendor whose wire format a route speaks, errors included."""

DEFAULT_BODY_LIMIT = 1024 * 1024
"""Bytes of a request body, unless the route has its own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDocs:
    """What the reference says about a route beyond its models: an example of the body that works, the parameters of the
    query with their meanings, the statuses of success, and the media types of a `Response` that is not JSON.
    """

    example: Mapping[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (200,)
    produces: tuple[str, ...] = ()


class Requirement(Protocol):
    """Something that a deployment must have before a route can work: a provider's credentials, a bucket."""

    def check(self, settings: Settings, bindings: Bindings) -> None:
        """Raise `ConfigurationError` if it is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path pattern.

    `body` is the model that the handler takes, None when it takes no body. `public` routes need no key and have no rate
    limit; the others need a key with the `scope` (any key where it is None), `never_open` ones even with
    `AUTH_MODE=open`. `needs` are checked before the handler runs. `estimate(body)` returns the provider units that the
    call will use at most, by policy name; they are reserved before the handler runs and settled afterwards with
    `context.usage`. `dialect` is None for the platform's own format, `by_header` for a path that both vendors have.
    `work_id_field`: the member of `details` by which a retry that gets no answer learns the first request's
    `context.work_id`.
    """

    method: str
    path: str
    handler: Handler
    body: type[BaseModel] | None = None
    body_limit: int = DEFAULT_BODY_LIMIT
    public: bool = False
    scope: str | None = None
    never_open: bool = False
    needs: tuple[Requirement, ...] = ()
    estimate: Estimate | None = None
    dialect: Dialect | Literal["by_header"] | None = None
    docs: RouteDocs = field(default_factory=RouteDocs)
    work_id_field: str | None = None
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        object.__setattr__(self, "pattern", re.compile(pattern))


class Router:
    """The routes of an app; a GET route also answers HEAD."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self._fixed: dict[tuple[str, str], Route] = {}

    def add(self, route: Route) -> None:
        """Add a route. Raises ValueError if the method and path are taken."""
        if any((known.method, known.path) == (route.method, route.path) for known in self.routes):
            raise ValueError(f"{route.method} {route.path} already has a handler")
        self.routes.append(route)
        if "{" not in route.path:
            self._fixed[route.method, route.path] = route

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route and its path parameters. Raises `RouteNotFoundError` or `MethodNotAllowedError`."""
        wanted = "GET" if method == "HEAD" else method
        if (route := self._fixed.get((wanted, path))) is not None:
            return route, {}
        allowed: list[str] = []
        for route in self.routes:
            if found := route.pattern.fullmatch(path):
                if route.method == wanted:
                    return route, found.groupdict()
                allowed += ["GET", "HEAD"] if route.method == "GET" else [route.method]
        if allowed:
            raise MethodNotAllowedError(sorted({*allowed, "OPTIONS"}))
        raise RouteNotFoundError


def find_dialect(request: Request) -> Dialect | None:
    """Return the dialect of a request whose route is not known yet; None for what is not below `/v1/`.

    Both vendors have `/v1/models`: only clients of Anthropic's send `anthropic-version`.
    """
    path = request.path
    if not path.startswith("/v1/"):
        return None
    is_message = path == "/v1/messages" or path.startswith("/v1/messages/")
    return "anthropic" if is_message or request.headers.get("anthropic-version") else "openai"
