"""Routes and the router."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.context import Context
from electrons.errors import MethodNotAllowedError, RouteNotFoundError
from electrons.http import Response
from electrons.routing import Route, Router


async def handle(_context: Context) -> Response:
    return Response()


def create_router(*routes: str) -> Router:
    router = Router()
    for route in routes:
        method, path = route.split()
        router.add(Route(method=method, path=path, handler=handle))
    return router


def test_match_when_path_and_method_fit_then_route_and_values() -> None:
    router = create_router("GET /renders/{render_id}.mp4", "POST /renders/{render_id}/parts/{part}")

    route, parameters = router.match("POST", "/renders/7/parts/two")

    assert (route.method, route.path) == ("POST", "/renders/{render_id}/parts/{part}")
    assert parameters == {"render_id": "7", "part": "two"}
    assert router.match("GET", "/renders/7.mp4")[1] == {"render_id": "7"}


def test_match_when_head_then_the_get_route() -> None:
    assert create_router("GET /audio").match("HEAD", "/audio")[0].method == "GET"


@pytest.mark.parametrize("path", ["/audio/", "/audio/1/2", "/Audio/1", "//audio/1", "audio/1"])
def test_match_when_path_is_only_similar_then_not_found(path: str) -> None:
    with pytest.raises(RouteNotFoundError):
        create_router("GET /audio/{id}").match("GET", path)


def test_match_when_path_has_pattern_characters_then_literal() -> None:
    router = create_router("GET /a.b")

    with pytest.raises(RouteNotFoundError):
        router.match("GET", "/aXb")


def test_match_when_method_is_wrong_then_allow_lists_methods() -> None:
    router = create_router("GET /things/{id}", "POST /things/{name}", "POST /other")

    with pytest.raises(MethodNotAllowedError) as caught:
        router.match("DELETE", "/things/1")

    assert caught.value.headers == [("Allow", "GET, HEAD, OPTIONS, POST")]


def test_add_when_method_and_path_are_taken_then_value_error() -> None:
    router = create_router("GET /things", "POST /things")

    with pytest.raises(ValueError, match="GET /things already has a handler"):
        router.add(Route(method="GET", path="/things", handler=handle))


@given(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1))
def test_match_when_any_segment_then_parameter_is_that_segment(segment: str) -> None:
    assert create_router("GET /a/{x}/b").match("GET", f"/a/{segment}/b")[1] == {"x": segment}
