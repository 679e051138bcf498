"""`Idempotency-Key` on each POST route of all workers: its example, sent twice, is answered once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from electrons.routing import Route
from tests.apps import load_apps
from tests.clients.repositories import create_repository
from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.sandbox import unique

ROUTES = [
    pytest.param(worker, route, id=f"{worker} {route.path}")
    for worker, app in load_apps().items()
    for route in app.routes
    if route.method == "POST" and not route.public
]
KEPT = {400, 422}


@pytest.mark.usefixtures("delete_deployed")
@pytest.mark.parametrize(("worker", "route"), ROUTES)
def test_example_sent_twice_is_answered_once(
    platform: Platform, emulators: Emulators, worker: str, route: Route
) -> None:
    headers = {"Idempotency-Key": unique("key"), "Authorization": f"Bearer {platform.all_powerful_key}"}
    body = dict(route.docs.example or {})
    if "repo" in body:
        body["repo"] = create_repository(emulators).full_name
    first = send(platform, worker, route, headers=headers, body=body)
    calls = count_calls(emulators)
    second = wait_for(lambda: settled(send(platform, worker, route, headers=headers, body=body)))
    assert second is not None

    assert second.status_code == first.status_code, second.text
    is_kept = first.is_success or first.status_code in KEPT
    assert second.headers.get("Idempotent-Replayed") == ("true" if is_kept else None)
    assert "Idempotent-Replayed" not in first.headers
    if is_kept:
        assert count_calls(emulators) == calls
        assert second.headers["Content-Type"] == first.headers["Content-Type"]
        assert second.content == first.content


def send(
    platform: Platform, worker: str, route: Route, *, headers: dict[str, str], body: Mapping[str, Any]
) -> httpx2.Response:
    path = route.path.replace("{name}", "never-deployed")
    return platform.client(worker).post(path, json=body, headers=headers, timeout=120)


def settled(response: httpx2.Response) -> httpx2.Response | None:
    """Return None for a response that asks to come again: a stream is kept after its end."""
    return None if response.headers.get("x-should-retry") == "true" else response


def count_calls(emulators: Emulators) -> dict[str, int]:
    """Return how many calls each vendor got that make or change something."""
    return {
        vendor: len([call for call in emulators.requests(vendor) if call["method"] != "GET"])
        for vendor in emulators.base_urls
    }
