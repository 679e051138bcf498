"""A Cloudflare account with one Worker, as far as the calls of `providers/cloudflare` need it, and its wire format."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

from electrons.providers.cloudflare.provider import Module, Upload, WorkersDev

Fault = Callable[[httpx2.Request], httpx2.Response | None]


class Cloudflare:
    """One Worker at Cloudflare, as far as these calls need it. `fault` may respond, or raise, in its place."""

    def __init__(self, *versions: str, fault: Fault = lambda _request: None) -> None:
        self.versions = list(versions)
        self.live = self.versions[-1] if versions else None
        self.workers_dev = WorkersDev(enabled=False)
        self.fault = fault
        self.calls: list[str] = []

    def respond(self, request: httpx2.Request) -> httpx2.Response:
        route = f"{request.method} {request.url.path.partition('/scripts/hello')[2] or '/'}"
        self.calls.append(route)
        return self.fault(request) or self.answer(request, route)

    def answer(self, request: httpx2.Request, route: str) -> httpx2.Response:
        if route == "PUT /":
            self.live = f"v{len(self.versions) + 1}"
            self.versions.append(self.live)
            return httpx2.Response(200, json=envelope({"id": "hello", "tag": "tag-1", "startup_time_ms": 7}))
        if self.live is None:
            return httpx2.Response(404, json=refusal(10007, "This Worker does not exist on your account."))
        if route == "GET /deployments":
            return httpx2.Response(200, json=deployments({self.live: 100}))
        if route == "POST /deployments":
            deployment = json.loads(request.content)
            self.live = deployment["versions"][0]["version_id"]
            return httpx2.Response(200, json=envelope(deployment))
        if route == "POST /subdomain":
            self.workers_dev = WorkersDev(**json.loads(request.content))
        if route == "DELETE /":
            self.live = None
            return httpx2.Response(200, json=envelope(None))
        shown = {"enabled": self.workers_dev.enabled, "previews_enabled": self.workers_dev.previews_enabled}
        return httpx2.Response(200, json=envelope(shown))


def failing(method: str, path: str, response: httpx2.Response | type[httpx2.TransportError]) -> Fault:
    """Return a fault for the first call of one kind: it responds, or raises an error of this class."""
    left = [response]

    def fault(request: httpx2.Request) -> httpx2.Response | None:
        if request.method == method and request.url.path.endswith(path) and left:
            answer = left.pop()
            if isinstance(answer, httpx2.Response):
                return answer
            raise answer("gone", request=request)
        return None

    return fault


def envelope(result: Any) -> dict[str, Any]:
    return {"success": True, "errors": [], "messages": [], "result": result}


def refusal(code: int, message: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}


def deployments(*shares: dict[str, float]) -> dict[str, Any]:
    versions = [[{"version_id": name, "percentage": share} for name, share in share.items()] for share in shares]
    return envelope({"deployments": [{"id": "d", "strategy": "percentage", "versions": each} for each in versions]})


def upload_of(**members: Any) -> Upload:
    modules = (Module("index.js", b"export default {}", "application/javascript+module"),)
    given: dict[str, Any] = {
        "main_module": "index.js",
        "modules": modules,
        "compatibility_date": "2026-10-01",
        "env_vars": {},
        "secrets": {},
        **members,
    }
    return Upload(**given)
