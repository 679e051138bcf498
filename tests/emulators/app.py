"""All emulators as one ASGI application: each vendor below `/<name>`, its control routes below `/<name>/_emulator`.

| control                        | effect |
|--------------------------------|--------|
| POST, GET, DELETE `…/faults`   | queues a fault (`faults.py` lists them), returns or clears the queue |
| GET, DELETE `…/requests`       | returns the last 100 requests (`?prompt_contains=` filters them), or forgets them |
| POST, GET, DELETE `…/latency`  | sets `{"first_byte_ms": 0, "per_frame_ms": 0}` for all responses, returns, resets |

`DELETE /_emulator` clears all three for every vendor.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Router
from starlette.routing import Route as ControlRoute
from starlette.types import Receive, Scope, Send

from .delivery import Action, Delivery, Pause, deliver, plain_delivery
from .faults import Fault, FaultQueue, FaultyResponse
from .journal import Exchange, Journal
from .origin import LoopbackOnly
from .threads import run_in_thread
from .vendor import Call, Refusal, Response, Route, Vendor

logger = logging.getLogger(__name__)

_TURNS_OF_A_REQUEST = 10
_FAULT: TypeAdapter[Fault] = TypeAdapter(Fault)


class Latency(BaseModel):
    """Delays of every response of one vendor, for benchmarks and for watching a stream."""

    model_config = ConfigDict(extra="forbid")
    first_byte_ms: float = Field(default=0, ge=0)
    per_frame_ms: float = Field(default=0, ge=0)

    def slow_down(self, delivery: Delivery) -> Delivery:
        """Return the delivery with a pause before the first byte and before each frame."""
        if not self.first_byte_ms and not self.per_frame_ms:
            return delivery
        slow: list[Action] = [Pause(self.first_byte_ms / 1000)]
        for action in delivery:
            if isinstance(action, bytes):
                slow.append(Pause(self.per_frame_ms / 1000))
            slow.append(action)
        return slow


class VendorApp:
    """One vendor over HTTP: reads and records the call, runs its handler, and delivers the response or a fault."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.faults = FaultQueue()
        self.journal = Journal()
        self.latency = Latency()
        self._prefix = f"/{vendor.name}"
        self._fixed = {(route.method, route.path): route for route in vendor.routes if "{" not in route.path}
        self._patterns = [route for route in vendor.routes if "{" in route.path]
        self._control = Router(
            [
                ControlRoute("/_emulator/faults", self._control_faults, methods=["POST", "GET", "DELETE"]),
                ControlRoute("/_emulator/requests", self._control_requests, methods=["GET", "DELETE"]),
                ControlRoute("/_emulator/latency", self._control_latency, methods=["POST", "GET", "DELETE"]),
            ]
        )

    def reset(self) -> None:
        """Forget the faults, the requests and the latency."""
        self.faults.clear()
        self.journal.clear()
        self.latency = Latency()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one HTTP request (ASGI)."""
        path = scope["path"].removeprefix(self._prefix)
        if path.startswith("/_emulator/"):
            await self._control(scope, receive, send)
            return
        if self.vendor.merge_slashes:
            path = re.sub("/{2,}", "/", path).rstrip("/")
        body = await _read_body(receive, limit=self.vendor.max_body_bytes)
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1").removeprefix(self._prefix) + (f"?{query}" if query else "")
        exchange = Exchange(scope["method"], path, query, scope["headers"], body or b"")
        self.journal.add(exchange)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        route, params = self._find_route(scope["method"], path)
        fault = self.faults.take(exchange)

        def respond() -> Response:
            if body is None:
                return self.vendor.error(413)
            return self._handle(Call(scope["method"], path, headers, parse_qs(query), body, params, target), route)

        def respond_with_fault() -> FaultyResponse:
            if fault:
                exchange.fault = fault.kind
                return fault.apply(self.vendor, exchange, respond)
            response = respond()
            return response, plain_delivery(response)

        response, delivery = await run_in_thread(respond_with_fault) if route and route.slow else respond_with_fault()
        await deliver(
            response,
            self.latency.slow_down(delivery),
            exchange=exchange,
            transport=scope["state"]["transport"],
            receive=receive,
            send=send,
        )

    def _handle(self, call: Call, route: Route | None) -> Response:
        try:
            if route is None:
                return self.vendor.unknown_route(call)
            self.vendor.authenticate(call)
            return route.handler(call)
        except Refusal as refusal:
            return refusal.response
        except Exception:
            # A bug in an emulator becomes a 500, so that the client continues; the traceback is on standard error.
            logger.exception("The %s emulator failed at %s %s", self.vendor.name, call.method, call.path)
            return self.vendor.error(500, "The emulator failed: see its standard error.")

    def _find_route(self, method: str, path: str) -> tuple[Route | None, Mapping[str, str]]:
        if fixed := self._fixed.get((method, path)):
            return fixed, {}
        for route in self._patterns:
            if method == route.method and (params := route.match(path)) is not None:
                return route, params
        return None, {}

    async def _control_faults(self, request: Request) -> JSONResponse:
        if request.method == "POST":
            try:
                self.faults.add(_FAULT.validate_json(await request.body()))
            except ValidationError as error:
                return _invalid(error)
        elif request.method == "DELETE":
            self.faults.clear()
        return JSONResponse({"faults": [fault.model_dump() for fault in self.faults]})

    async def _control_requests(self, request: Request) -> JSONResponse:
        if request.method == "DELETE":
            self.journal.clear()
        needle = request.query_params.get("prompt_contains", "")
        matching = [exchange for exchange in self.journal if not needle or exchange.mentions(needle)]
        return JSONResponse({"requests": [exchange.describe() for exchange in matching]})

    async def _control_latency(self, request: Request) -> JSONResponse:
        if request.method == "POST":
            try:
                self.latency = Latency.model_validate_json(await request.body())
            except ValidationError as error:
                return _invalid(error)
        elif request.method == "DELETE":
            self.latency = Latency()
        return JSONResponse(self.latency.model_dump())


def find_vendors() -> list[Vendor]:
    """Return the `vendor` of every package in `vendors/`, sorted by name."""
    names = sorted(file.parent.name for file in (Path(__file__).parent / "vendors").glob("*/__init__.py"))
    return [cast(Vendor, import_module(f"{__package__}.vendors.{name}").vendor) for name in names]


def create_app(vendors: list[Vendor]) -> Starlette:
    """Return the application that serves all vendors; `GET /` lists their base URLs."""

    async def index(request: Request) -> JSONResponse:
        root = str(request.base_url)
        return JSONResponse(
            {"base_urls": {vendor.name: f"{root}{vendor.name}{vendor.base_path}" for vendor in vendors}}
        )

    async def reset(_: Request) -> JSONResponse:
        # First comes what has already arrived: a connection, its request and the answer take a turn of the loop each.
        for _turn in range(_TURNS_OF_A_REQUEST):
            await asyncio.sleep(0)
        for app in apps:
            app.reset()
        return JSONResponse({})

    apps = [VendorApp(vendor) for vendor in vendors]
    mounts = [Mount(f"/{app.vendor.name}", app=app) for app in apps]
    controls = [ControlRoute("/", index), ControlRoute("/_emulator", reset, methods=["DELETE"])]
    return Starlette(routes=[*mounts, *controls], middleware=[Middleware(LoopbackOnly)])


async def _read_body(receive: Receive, *, limit: int) -> bytes | None:
    """Return the whole body, or `None` if it exceeds the limit.

    Such a body is still read to its end, because a client reads the response only after it has sent everything.
    """
    chunks = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        size += len(message["body"])
        if size <= limit:
            chunks.append(message["body"])
        if not message["more_body"]:
            return b"".join(chunks) if size <= limit else None


def _invalid(error: ValidationError) -> JSONResponse:
    return JSONResponse({"errors": error.errors(include_url=False, include_context=False)}, status_code=422)
