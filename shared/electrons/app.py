"""The application: routes and middleware, and the order in which a request passes them.

    app = App("text-gen", providers=(AnthropicProvider(), OpenAIProvider()))

    @app.post("/generate")
    async def generate(context: Context, body: TextRequest) -> TextResponse: ...

A handler takes the context, and the body when its second parameter names a model; it returns a `ResponseModel` or a
`Response`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Coroutine, Sequence
from functools import partial, reduce
from typing import Any, Literal, TypeVar, get_type_hints

from pydantic import BaseModel

from electrons.context import Context
from electrons.health import create_health_handler
from electrons.http import Response
from electrons.index import create_index_handler
from electrons.logs import timestamp
from electrons.metrics import SCOPE as METRICS_SCOPE
from electrons.metrics import metrics
from electrons.middleware import CallNext, Middleware
from electrons.middleware.access_log import access_log
from electrons.middleware.auth import auth
from electrons.middleware.call_headers import describe_call
from electrons.middleware.cors import cors
from electrons.middleware.errors import errors
from electrons.middleware.idempotency import idempotency
from electrons.middleware.origin import origin
from electrons.middleware.rate_limit import charge_request, charge_units
from electrons.middleware.request_id import request_id
from electrons.middleware.validation import validation
from electrons.models import ResponseModel
from electrons.reference import create_document_handler, create_page_handler, get_file
from electrons.routing import (
    DEFAULT_BODY_LIMIT,
    Dialect,
    Estimate,
    Handler,
    Requirement,
    Route,
    RouteDocs,
    Router,
    find_dialect,
)
from electrons.schedule import ScheduledTask
from electrons.settings import Settings
from electrons.storage.idempotency import delete_old_answer_files
from electrons.storage.media import MediaFolder
from electrons.upstream.prices import estimate_cost, warn_without_price
from electrons.upstream.provider import Provider

H = TypeVar("H", bound=Handler)
RouteDialect = Dialect | Literal["by_header"] | None

StartWork = Callable[[Context], Coroutine[Any, Any, None]]

BEFORE_ROUTING: tuple[Middleware, ...] = (request_id, access_log, cors, errors, origin)
AFTER_ROUTING: tuple[Middleware, ...] = (auth, charge_request, validation, charge_units, idempotency)


class App:
    """One worker's routes. `service` is its name in responses, logs and the usage ledger.

    Every route that is not public needs a key with the app's `scope`, or with its own if it names one; without either,
    any valid key is enough. `AUTH_MODE=open` admits every caller without a key, unless the app is `never_open`.
    `settings` is the class of the worker's settings. With `reports_providers`, `GET /health` reports for each provider
    whether it is configured; `optional_providers` need not be. `read_providers` returns the providers that a deployment
    adds by the setting `PROVIDERS`.
    """

    def __init__(
        self,
        service: str,
        *,
        scope: str | None = None,
        providers: Sequence[Provider] = (),
        settings: type[Settings] = Settings,
        never_open: bool = False,
        reports_providers: bool = False,
        optional_providers: Collection[str] = (),
        read_providers: Callable[[str], Sequence[Provider]] | None = None,
    ) -> None:
        self.service = service
        self.scope = scope
        self.providers = tuple(providers)
        self.settings = settings
        self.never_open = never_open
        self._read_providers = read_providers
        self.start_work: list[StartWork] = []
        self.scheduled_tasks: list[ScheduledTask] = []
        self._has_dialects = False
        self._router = Router()
        self._handle = _chain(BEFORE_ROUTING, partial(_route, self._router, _chain(AFTER_ROUTING, _call_handler)))
        required = [provider for provider in self.providers if provider.name not in optional_providers]
        health = create_health_handler(required, reports_providers=reports_providers)
        self.get(
            "/health",
            public=True,
            docs=RouteDocs(
                query={
                    "deep": "1: also try the bindings",
                },
                statuses=(200, 503),
            ),
        )(health)
        self.get("/metrics", scope=METRICS_SCOPE, docs=RouteDocs(produces=("text/plain",)))(metrics)
        self.get("/openapi.json", public=True)(create_document_handler(service, lambda: self.routes))
        self.get("/docs", public=True, docs=RouteDocs(produces=("text/html",)))(create_page_handler(service))
        self.get("/docs/{file}", public=True, docs=RouteDocs(produces=("text/javascript", "text/css")))(get_file)
        self.get("/", public=True)(create_index_handler(lambda: self.routes))

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return all routes, in the order in which they were added."""
        return tuple(self._router.routes)

    def read_settings(self, lookup: Callable[[str], str | None]) -> Settings:
        """Read the settings of this worker and its providers. Raises `ConfigurationError`."""
        added = self._read_providers(lookup("PROVIDERS") or "") if self._read_providers else ()
        declared = [setting for provider in (*self.providers, *added) for setting in provider.declared_settings()]
        return self.settings.read(lookup, declared=declared)

    def get(
        self,
        path: str,
        *,
        public: bool = False,
        scope: str | None = None,
        needs: Sequence[Requirement] = (),
        dialect: RouteDialect = None,
        docs: RouteDocs | None = None,
    ) -> Callable[[H], H]:
        """Register a handler for GET and HEAD."""
        return self._register("GET", path, public=public, scope=scope, needs=needs, dialect=dialect, docs=docs)

    def delete(
        self, path: str, *, public: bool = False, scope: str | None = None, needs: Sequence[Requirement] = ()
    ) -> Callable[[H], H]:
        """Register a handler for DELETE."""
        return self._register("DELETE", path, public=public, scope=scope, needs=needs)

    def post(
        self,
        path: str,
        *,
        public: bool = False,
        scope: str | None = None,
        needs: Sequence[Requirement] = (),
        body_limit: int = DEFAULT_BODY_LIMIT,
        estimate: Estimate | None = None,
        dialect: RouteDialect = None,
        docs: RouteDocs | None = None,
        work_id_field: str | None = None,
    ) -> Callable[[H], H]:
        """Register a handler for POST; `body_limit` is in bytes, the others are as in `Route`."""
        return self._register(
            "POST",
            path,
            public=public,
            scope=scope,
            needs=needs,
            body_limit=body_limit,
            estimate=estimate,
            dialect=dialect,
            docs=docs,
            work_id_field=work_id_field,
        )

    def serve_media(self, folder: MediaFolder) -> None:
        """Register the public route of a folder's files, and what deletes old ones and old answers from its bucket."""
        self.on_schedule(folder.delete_old_files)
        self.on_schedule(delete_old_answer_files)
        docs = RouteDocs(statuses=(200, 206, 304), produces=folder.content_types)

        @self.get(f"{folder.path}/{{name}}", public=True, docs=docs)
        async def media(context: Context) -> Response:
            """`GET {path}/{name}`: a stored file; `Range`, `If-None-Match` and `HEAD` work as HTTP defines them."""
            return await folder.serve(context, context.path_parameters["name"])

    def on_start(self, work: StartWork) -> StartWork:
        """Register work that each isolate does once, after the response to its first request."""
        self.start_work.append(work)
        return work

    def on_schedule(self, task: ScheduledTask) -> ScheduledTask:
        """Register a task of the worker's Cron Trigger."""
        self.scheduled_tasks.append(task)
        return task

    async def handle(self, context: Context) -> Response:
        """Return the response to one request; raises nothing. Call `context.finish()` when the response is out."""
        if self._has_dialects:
            context.dialect = find_dialect(context.request)
        response = await self._handle(context)
        response.headers += [*context.headers, *describe_call(context, response)]
        if context.request.method == "HEAD":
            response.body = None
        return response

    def _register(
        self,
        method: str,
        path: str,
        *,
        public: bool,
        scope: str | None,
        needs: Sequence[Requirement],
        body_limit: int = DEFAULT_BODY_LIMIT,
        estimate: Estimate | None = None,
        dialect: RouteDialect = None,
        docs: RouteDocs | None = None,
        work_id_field: str | None = None,
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
                needs=tuple(needs),
                estimate=estimate,
                dialect=dialect,
                docs=docs or RouteDocs(),
                work_id_field=work_id_field,
            )
            self._router.add(route)
            self._has_dialects |= dialect is not None
            return handler

        return register


def _chain(middlewares: tuple[Middleware, ...], innermost: CallNext) -> CallNext:
    def wrap(inner: CallNext, middleware: Middleware) -> CallNext:
        return partial(middleware, call_next=inner)

    return reduce(wrap, reversed(middlewares), innermost)


async def _route(router: Router, call_next: CallNext, context: Context) -> Response:
    route, context.path_parameters = router.match(context.request.method, context.request.path)
    context.route, context.route_path = route, route.path
    if route.dialect != "by_header":
        context.dialect = route.dialect
    return await call_next(context)


async def _call_handler(context: Context) -> Response:
    route = context.route
    for requirement in route.needs:
        requirement.check(context.settings, context.bindings)
    result = await (route.handler(context, context.body) if route.body else route.handler(context))
    if isinstance(result, ResponseModel):
        return complete(context, result)
    return Response.json(result.model_dump_json(exclude_none=True)) if isinstance(result, BaseModel) else result


def complete(context: Context, body: ResponseModel) -> Response:
    """Return the response for a body, with the id, the time, the warnings and the estimated cost of the request."""
    body.request_id = context.request_id
    body.timestamp = timestamp()
    if context.usage is not None:
        used, own_prices = context.usage.checked(), context.settings.own_prices
        if cost := estimate_cost(used, own_prices):
            context.headers.append(("X-Estimated-Cost-USD", f"{cost.microusd / 1e6:.6f}"))
        else:
            context.warnings += warn_without_price(used, own_prices)
    if context.warnings:
        return Response.json(body.to_document(context.warnings), status=body.status_code)
    return Response.json(body.model_dump_json(exclude_none=True), status=body.status_code)


def _body_model(handler: Handler) -> type[BaseModel] | None:
    parameters = list(inspect.signature(handler).parameters)
    if len(parameters) < 2:
        return None
    model = get_type_hints(handler)[parameters[1]]
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"the second parameter of {handler!r} must be a pydantic model")
    return model
