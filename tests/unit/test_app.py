"""A request through an app, from outside."""

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator

import pytest

from electrons.app import App
from electrons.context import Context
from electrons.errors import ForbiddenError
from electrons.http import Response
from electrons.models import RequestModel, ResponseModel
from electrons.testing import TestClient


class Greeting(RequestModel):
    name: str


class Greeted(ResponseModel):
    text: str
    note: str | None = None


def create_app() -> App:
    app = App("greeter")

    @app.post("/greet", body_limit=64)
    async def greet(context: Context, body: Greeting) -> Greeted:
        return Greeted(text=f"Hello {body.name}")

    @app.get("/greetings/{name}")
    async def read(context: Context) -> Greeted:
        return Greeted(text=f"Hello {context.path_parameters['name']}")

    @app.get("/secret")
    async def secret(context: Context) -> Response:
        context.headers.append(("X-Note", "kept"))
        raise ForbiddenError("This key lacks the scope")

    return app


async def test_request_when_valid_then_answer_carries_id_and_time() -> None:
    answer = await TestClient(create_app()).request("POST", "/greet", json={"name": "Ada"})

    body = answer.json()
    assert answer.status == 200
    assert answer.headers.get("content-type") == "application/json"
    assert body == {
        "success": True,
        "text": "Hello Ada",
        "request_id": answer.headers.get("x-request-id"),
        "timestamp": body["timestamp"],
    }
    assert body["timestamp"].endswith("Z")


async def test_request_when_body_is_over_the_routes_limit_then_413() -> None:
    answer = await TestClient(create_app()).request("POST", "/greet", json={"name": "A" * 64})

    assert answer.status == 413
    assert answer.json()["error_code"] == "PAYLOAD_TOO_LARGE"
    assert answer.json()["details"] == {"limit_bytes": 64}


async def test_get_when_path_has_parameter_then_handler_gets_it() -> None:
    answer = await TestClient(create_app()).request("GET", "/greetings/Ada")

    assert answer.json()["text"] == "Hello Ada"


async def test_head_when_route_has_get_then_same_answer_without_body() -> None:
    answer = await TestClient(create_app()).request("HEAD", "/greetings/Ada")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get("content-type") == "application/json"


async def test_request_when_path_is_unknown_then_404() -> None:
    answer = await TestClient(create_app()).request("GET", "/nowhere")

    assert answer.status == 404
    assert answer.json() == {
        "success": False,
        "error": "Not Found",
        "error_code": "ROUTE_NOT_FOUND",
        "request_id": answer.headers.get("x-request-id"),
    }


async def test_request_when_method_is_wrong_then_405_names_allowed() -> None:
    answer = await TestClient(create_app()).request("GET", "/greet")

    assert (answer.status, answer.json()["error_code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers.get("allow") == "OPTIONS, POST"


async def test_failure_when_context_has_headers_then_they_go_out_too() -> None:
    answer = await TestClient(create_app()).request("GET", "/secret")

    assert answer.status == 403
    assert answer.headers.get("x-note") == "kept"


async def test_deferred_work_when_one_fails_then_logged_and_rest_run() -> None:
    app, done = App("worker"), []

    @app.get("/work")
    async def work(context: Context) -> Response:
        async def fail() -> None:
            raise OSError("the disk is full")

        async def succeed() -> None:
            done.append("succeeded")

        context.defer(fail)
        context.defer(succeed)
        return Response.json({})

    answer = await TestClient(app).request("GET", "/work")

    assert answer.status == 200
    assert done == ["succeeded"]
    (failure,) = [line for line in answer.log if line["event"] == "deferred"]
    assert failure["level"] == "error"
    assert "the disk is full" in failure["traceback"]


async def test_deferred_work_when_stream_then_runs_after_last_frame() -> None:
    app, order = App("worker"), []

    @app.get("/stream")
    async def stream(context: Context) -> Response:
        async def note() -> None:
            order.append("deferred")

        async def frames() -> AsyncGenerator[str, None]:
            for piece in ("a", "b"):
                order.append(piece)
                yield f'data: "{piece}"\n\n'

        context.defer(note)
        return Response.event_stream(frames())

    answer = await TestClient(app).request("GET", "/stream")

    assert answer.events() == ["a", "b"]
    assert order == ["a", "b", "deferred"]
    assert answer.headers.get("content-type") == "text/event-stream; charset=utf-8"


def test_routes_when_asked_then_health_and_own_ones_in_order() -> None:
    assert [(route.method, route.path) for route in create_app().routes] == [
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/docs/{file}"),
        ("GET", "/"),
        ("POST", "/greet"),
        ("GET", "/greetings/{name}"),
        ("GET", "/secret"),
    ]


def test_handler_when_second_parameter_is_no_model_then_refused() -> None:
    app = App("worker")

    with pytest.raises(TypeError, match="must be a pydantic model"):

        @app.post("/work")
        async def work(context: Context, body: str) -> Response:
            return Response()


async def test_deferred_work_when_caller_is_cancelled_then_runs_last() -> None:
    app, order, go_on = App("worker"), list[str](), asyncio.Event()
    context = TestClient(app).create_context("GET", "/")

    async def work() -> None:
        await go_on.wait()
        order.append("worked")

    async def note() -> None:
        order.append("noted")

    context.defer(note)
    caller = asyncio.create_task(context.see_through(work()))
    await asyncio.sleep(0)
    caller.cancel()
    asyncio.get_running_loop().call_soon(go_on.set)
    await context.finish()

    assert caller.cancelled()
    assert order == ["worked", "noted"]


async def test_failed_work_when_response_is_made_then_its_body_is_free() -> None:
    app, bodies = App("worker"), list[weakref.ref[Greeting]]()

    async def work(body: Greeting) -> Response:
        bodies.append(weakref.ref(body))
        error = ForbiddenError("no")
        raise error

    @app.post("/work", public=True)
    async def handle(context: Context, body: Greeting) -> Response:
        return await context.see_through(work(body))

    context = TestClient(app).create_context("POST", "/work", content=b'{"name": "Ada"}')
    gc.disable()
    try:
        response = await app.handle(context)
        await context.finish()

        assert response.status == 403
        assert bodies[0]() is None
    finally:
        gc.enable()
