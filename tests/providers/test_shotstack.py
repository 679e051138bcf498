"""Shotstack's wire format."""

from typing import Any

import httpx2
import pytest

from electrons.capabilities.render import RenderProgress, is_refusal, look_up_render, submit_render
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
    ProviderUnreachableError,
)
from electrons.providers.shotstack.provider import ShotstackProvider
from tests.providers.cases import API_KEY, Case, Cases, body_of, create_context

PROVIDER = ShotstackProvider()

EDIT = {"timeline": {"tracks": [{"clips": []}]}, "output": {"format": "mp4"}}

QUEUED = {
    "success": True,
    "message": "Created",
    "response": {"message": "Render Successfully Queued", "id": "render-1"},
}


def state(**fields: Any) -> dict[str, Any]:
    return {"success": True, "message": "OK", "response": {"id": "render-1", "owner": "o", "url": None, **fields}}


CASES: Cases = {
    "render": {
        "success": Case(
            body=state(status="done", url="https://cdn.example/x.mp4", error="", duration=3, renderTime=812.4),
            needed={"response", "response.status"},
            expected=RenderProgress(
                status="done", url="https://cdn.example/x.mp4", duration_seconds=3.0, render_time_ms=812
            ),
        ),
        "queued": Case(body=state(status="queued"), expected=RenderProgress(status="queued")),
        "preprocessing": Case(body=state(status="preprocessing"), expected=RenderProgress(status="preprocessing")),
        "generating": Case(body=state(status="generating"), expected=RenderProgress(status="rendering")),
        "a status of tomorrow": Case(body=state(status="polishing"), expected=RenderProgress(status="rendering")),
        "failed": Case(
            body=state(status="failed", error="No such file"),
            expected=RenderProgress(status="failed", error="No such file"),
        ),
        "with the edit": Case(
            body=state(status="saving", data={"callback": "https://a.example/x"}),
            expected=RenderProgress(status="saving", callback="https://a.example/x"),
        ),
        "no status": Case(body=state(), expected=ProviderError),
        "a status that is no text": Case(body=state(status=[]), expected=ProviderError),
        "a status that is a number": Case(body=state(status=5), expected=ProviderError),
        "a status that is null": Case(body=state(status=None), expected=ProviderError),
        "another shape": Case(body={"response": []}, expected=ProviderError),
        "no response": Case(body={"success": True, "response": None}, expected=ProviderError),
        "a failure in a 200": Case(body={"success": False, "message": "Try later"}, expected=ProviderError),
        "done without a link": Case(body=state(status="done"), expected=RenderProgress(status="done")),
        "400 of the other environment": Case(
            status=400,
            body={"success": False, "message": "Bad Request", "response": {}},
            expected=ProviderRejectedError,
        ),
        "401": Case(status=401, body={"message": "Unauthorized"}, expected=ProviderAuthError),
        "402": Case(status=402, body={"message": "Payment Required"}, expected=ProviderQuotaError),
        "403": Case(status=403, body={"message": "Forbidden"}, expected=ProviderAuthError),
        "429": Case(status=429, body={"message": "Too Many Requests"}, expected=ProviderRateLimitError),
        "5xx": Case(status=504, body={"message": "Endpoint request timed out"}, expected=ProviderError),
    }
}


async def test_submission_when_sent_then_it_is_the_edit_as_it_is() -> None:
    seen: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(201, json=QUEUED)

    context = create_context(PROVIDER, respond, SHOTSTACK_ENV="v1")

    assert await submit_render(context, PROVIDER, EDIT) == "render-1"
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", "https://api.shotstack.io/edit/v1/render")
    assert body_of(request.content) == EDIT
    assert request.headers["x-api-key"] == API_KEY
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "refused"),
    [(400, True), (401, True), (402, True), (403, True), (500, False), (502, False), (504, False)],
)
async def test_submission_when_it_fails_then_sent_once(status: int, refused: bool) -> None:
    calls = 0

    def respond(_request: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += 1
        return httpx2.Response(status, json={"message": "no"})

    with pytest.raises(ProviderError) as caught:
        await submit_render(create_context(PROVIDER, respond), PROVIDER, EDIT)

    assert calls == 1
    assert is_refusal(caught.value) is refused


async def test_submission_when_the_connection_breaks_then_sent_once() -> None:
    calls = 0

    def respond(request: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += 1
        raise httpx2.ReadError("gone", request=request)

    with pytest.raises(ProviderUnreachableError) as caught:
        await submit_render(create_context(PROVIDER, respond), PROVIDER, EDIT)

    assert calls == 1
    assert not is_refusal(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"response": {}},
        {"response": None},
        {"response": "render-1"},
        {"response": {"id": 5}},
        {"response": {"id": ""}},
        {"response": {"id": None}},
        {"response": {"id": ".."}},
        {"response": {"id": "x" * 201}},
    ],
)
async def test_submission_when_response_has_no_id_then_unreadable(body: dict[str, Any]) -> None:
    context = create_context(PROVIDER, lambda _request: httpx2.Response(201, json=body))

    with pytest.raises(ProviderError, match="cannot be read") as caught:
        await submit_render(context, PROVIDER, EDIT)

    assert not is_refusal(caught.value)


async def test_lookup_when_with_the_edit_then_in_its_own_environment() -> None:
    seen: list[str] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(200, json=state(status="queued"))

    context = create_context(PROVIDER, respond, SHOTSTACK_ENV="v1")
    await look_up_render(context, PROVIDER, "a/b?c", environment="stage", with_edit=True)

    assert seen == ["https://api.shotstack.io/edit/stage/render/a%2Fb%3Fc?data=true&merged=false"]


@pytest.mark.parametrize("junk", [None, True, -1, 10**10, 1e300, "3", "", [], {}, [{}]])
@pytest.mark.parametrize("field", ["error", "url", "duration", "renderTime", "data", "owner", "id"])
def test_lookup_when_an_optional_field_is_odd_then_absent(field: str, junk: Any) -> None:
    sound = {"status": "rendering", "error": "e", "url": "u", "duration": 3, "renderTime": 7, "data": {"callback": "c"}}

    progress = PROVIDER.parse_lookup(state(**{**sound, field: junk}))

    absent = {"error": "error", "url": "url", "duration": "duration_seconds", "renderTime": "render_time_ms"}
    expected: dict[str, Any] = {"error": "e", "url": "u", "duration_seconds": 3.0, "render_time_ms": 7, "callback": "c"}
    lost: dict[str, Any] = (
        {absent.get(field, field): None} if field in absent else {"callback": None} if field == "data" else {}
    )
    if junk == "3" and field in {"error", "url"}:
        lost = {field: "3"}
    assert progress == RenderProgress(status="rendering", **{**expected, **lost})


@pytest.mark.parametrize(
    ("body", "kind", "refused"),
    [
        ({"success": False, "message": "Try later"}, ProviderError, False),
        ({"success": False, "response": {"error": {"name": "rate_limit_exceeded"}}}, ProviderRateLimitError, True),
        ({"success": False, "response": {"error": {"name": "insufficient_quota"}}}, ProviderQuotaError, True),
    ],
)
async def test_submission_when_a_200_has_an_error_then_its_own_kind(
    body: dict[str, Any], kind: type[ProviderError], refused: bool
) -> None:
    context = create_context(PROVIDER, lambda _request: httpx2.Response(200, json=body))

    with pytest.raises(ProviderError) as caught:
        await submit_render(context, PROVIDER, EDIT)

    assert type(caught.value) is kind
    assert is_refusal(caught.value) is refused
    assert ("Try later" in caught.value.message) is (kind is ProviderError)


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity", "1" + "0" * 400])
async def test_lookup_when_a_number_is_not_finite_then_absent(number: str) -> None:
    body = '{"response": {"status": "done", "duration": N, "renderTime": N}}'.replace("N", number)
    context = create_context(PROVIDER, lambda _request: httpx2.Response(200, content=body.encode()))

    progress = await look_up_render(context, PROVIDER, "render-1", environment="stage")

    assert progress == RenderProgress(status="done")


@pytest.mark.parametrize("render_id", [".", "..", "", "x" * 201])
async def test_lookup_when_the_id_would_change_the_path_then_not_sent(render_id: str) -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        raise AssertionError(request.url)

    with pytest.raises(ValueError, match="not the id"):
        await look_up_render(create_context(PROVIDER, respond), PROVIDER, render_id, environment="stage")


def test_failed_render_when_reason_is_long_then_one_short_line() -> None:
    progress = PROVIDER.parse_lookup(state(status="failed", error="a\n b " + "x" * 5_000))

    assert progress.error is not None
    assert progress.error.startswith("a b xx")
    assert len(progress.error) == 500


@pytest.mark.parametrize("render_id", [None, 5, True, "", ".", "..", "x" * 201, [], {"id": "x"}])
def test_webhook_when_its_id_is_not_one_then_none(render_id: Any) -> None:
    assert PROVIDER.parse_webhook({"type": "edit", "id": render_id}) is None
    assert PROVIDER.parse_webhook({}) is None


def test_webhook_when_it_names_a_render_then_its_id() -> None:
    assert PROVIDER.parse_webhook({"type": "edit", "action": "render", "id": "render-1"}) == "render-1"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"error": {"name": "ValidationError", "details": [{"message": "a"}, {"message": "b"}]}}, "a; b"),
        ({"error": "Template not found"}, "Template not found"),
        ({"error": {"message": "no tracks"}}, "no tracks"),
        ({"errors": ["x", {"message": "y"}, 3]}, "x; y"),
        ({}, "Bad Request"),
        ([], "Bad Request"),
    ],
)
def test_error_when_details_have_any_shape_then_their_messages(response: Any, message: str) -> None:
    error = PROVIDER.parse_error(
        400, {}, httpx2.Response(400, json={"message": "Bad Request", "response": response}).content
    )

    assert error.message == f"Shotstack rejected the request: {message}"
