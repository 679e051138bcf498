"""The application: routes and middleware, and the way of one request through them.

    app = App("text-gen", providers=(AnthropicProvider(), OpenAIProvider()))

    @app.post("/generate")
    async def generate(context: Context, body: TextRequest) -> TextResponse: ...

A handler takes the context, and the body when its second parameter names a model; it returns an `Answer` or a
`Response`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial, reduce
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel

from electrons.context import Context
from electrons.health import create_health_handler
from electrons.http import Response
from electrons.keys import Scope
from electrons.logs import timestamp
from electrons.middleware import Middleware, Next
from electrons.middleware.access_log import access_log
from electrons.middleware.auth import auth
from electrons.middleware.cors import cors
from electrons.middleware.errors import errors
from electrons.middleware.rate_limit import rate_limit
from electrons.middleware.request_id import request_id
from electrons.middleware.validation import validation
from electrons.models.base import Answer
from electrons.providers.base import Provider
from electrons.providers.prices import estimate_cost
from electrons.routing import DEFAULT_BODY_LIMIT, Estimate, Handler, Route, Router
from electrons.tasks import start_task

H = TypeVar("H", bound=Handler)
StartWork = Callable[[Context], Coroutine[Any, Any, None]]

BEFORE_ROUTING: tuple[Middleware, ...] = (request_id, access_log, cors, errors)
AFTER_ROUTING: tuple[Middleware, ...] = (auth, validation, rate_limit)


class App:
    """One worker's routes. `service` is its name in answers, logs and the usage ledger.

    Every route that is not public needs a key with the app's `scope`, or with its own if it names one; without either,
    any key will do. `AUTH_MODE=open` lets everybody in without a key, unless the app is `never_open`. `configured` has
    the accounts of which `GET /health` tells whether they are configured, with the settings that each needs.
    """

    def __init__(
        self,
        service: str,
        *,
        scope: Scope | None = None,
        providers: Sequence[Provider] = (),
        never_open: bool = False,
        configured: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.service = service
        self.scope = scope
        self.providers = tuple(providers)
        self.never_open = never_open
        self.start_work: list[StartWork] = []
        self._router = Router()
        self._handle = _chain(BEFORE_ROUTING, partial(_route, self._router, _chain(AFTER_ROUTING, _call_handler)))
        self.get("/health", public=True)(create_health_handler(self.providers, configured=configured or {}))

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes, in the order in which they were added."""
        return tuple(self._router.routes)

    def get(self, path: str, *, public: bool = False, scope: Scope | None = None) -> Callable[[H], H]:
        """Registers a handler for GET and HEAD."""
        return self._register("GET", path, public=public, scope=scope)

    def delete(self, path: str, *, public: bool = False, scope: Scope | None = None) -> Callable[[H], H]:
        """Registers a handler for DELETE."""
        return self._register("DELETE", path, public=public, scope=scope)

    def post(
        self,
        path: str,
        *,
        public: bool = False,
        scope: Scope | None = None,
        body_limit: int = DEFAULT_BODY_LIMIT,
        estimate: Estimate | None = None,
    ) -> Callable[[H], H]:
        """Registers a handler for POST; `body_limit` is in bytes, `estimate` as in `Route`."""
        return self._register("POST", path, public=public, scope=scope, body_limit=body_limit, estimate=estimate)

    def on_start(self, work: StartWork) -> StartWork:
        """Registers work that each isolate does once, after the answer to its first request, whatever that is."""
        self.start_work.append(work)
        return work

    async def handle(self, context: Context) -> Response:
        """The answer to one request; raises nothing. `finish(context)` is due when the answer is out."""
        response = await self._handle(context)
        response.headers += context.headers
        if context.request.method == "HEAD":
            response.body = None
        return response

    def _register(
        self,
        method: str,
        path: str,
        *,
        public: bool,
        scope: Scope | None,
        body_limit: int = DEFAULT_BODY_LIMIT,
        estimate: Estimate | None = None,
    ) -> Callable[[H], H]:
        def register(handler: H) -> H:
            route = Route(
                method=method,
                path=path,
                handler=handler,
                body=_body_model(handler),
                body_limit=body_limit,
                public=public,
                scope=scope or self.scope,
                never_open=self.never_open,
                estimate=estimate,
            )
            self._router.add(route)
            return handler

        return register


async def finish(context: Context) -> None:
    """Runs the work that was deferred until the answer was out; a failure is logged and stops none of the others.

    Where the caller has left, work that is seen through all the same comes first.
    """
    await asyncio.gather(*context.unfinished, return_exceptions=True)
    tasks = [start_task(work()) for work in context.deferred]
    for task in tasks:
        try:
            await task
        except Exception as error:  # noqa: BLE001  # nobody is left to be told
            context.log.error("deferred", cause=error, request_id=context.request_id)


def _chain(middlewares: tuple[Middleware, ...], innermost: Next) -> Next:
    def wrap(inner: Next, middleware: Middleware) -> Next:
        return lambda context: middleware(context, inner)

    return reduce(wrap, reversed(middlewares), innermost)


async def _route(router: Router, call_next: Next, context: Context) -> Response:
    context.route, context.path_parameters = router.match(context.request.method, context.request.path)
    return await call_next(context)


async def _call_handler(context: Context) -> Response:
    route = context.route
    if route is None:
        raise RuntimeError("a request reached the handler without a route")
    answer = await (route.handler(context, context.body) if route.body else route.handler(context))
    if isinstance(answer, Answer):
        answer.request_id = context.request_id
        answer.timestamp = timestamp()
        if context.usage is not None and (cost := estimate_cost(context.usage)):
            context.headers.append(("X-Estimated-Cost-USD", f"{cost.microusd / 1e6:.6f}"))
    if isinstance(answer, BaseModel):
        return Response.json(answer.model_dump_json(exclude_none=True))
    return answer


def _body_model(handler: Handler) -> type[BaseModel] | None:
    parameters = list(inspect.signature(handler).parameters)
    if len(parameters) < 2:
        return None
    model = get_type_hints(handler)[parameters[1]]
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"the second parameter of {handler!r} must be a pydantic model")
    return model
