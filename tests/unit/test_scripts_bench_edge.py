"""That `npm run bench:edge` asks each route of each worker."""

from __future__ import annotations

import pytest

from edge_inputs import INPUTS, build_inputs
from electrons.routing import Router
from tests.apps import load_apps


@pytest.mark.parametrize("worker", INPUTS)
def test_each_route_is_asked(worker: str) -> None:
    router = Router()
    for route in load_apps()[worker].routes:
        router.add(route)
    asked = {id(router.match(request.method, request.path)[0]) for request in build_inputs(worker)}
    assert [f"{route.method} {route.path}" for route in router.routes if id(route) not in asked] == []
