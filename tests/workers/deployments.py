"""What the tests of `/deploy` share: calls with a key, and requests to deployed Workers."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.sandbox import call
from tests.workers.shapes import TIMESTAMP, success_of

JSON = dict[str, Any]


def constant(text: str) -> str:
    """Return the code of a Worker that always responds with this text."""
    return f"export default {{ fetch() {{ return new Response({json.dumps(text)}) }} }}"


def deploy(platform: Platform, name: str, **fields: Any) -> JSON:
    """Deploy a Worker; return `deployment` of the response."""
    body = success_of(call(platform, "/deploy", {"worker_name": name, **fields}))
    deployment: JSON = body["deployment"]
    assert deployment["success"] is True
    assert deployment["worker_name"] == name
    assert TIMESTAMP.fullmatch(deployment["deployed_at"])
    return deployment


def request(platform: Platform, method: str, path: str, *, worker: str = "sandbox-executor") -> httpx2.Response:
    """Send a request without a body, with a key that has all scopes."""
    headers = {"Authorization": f"Bearer {platform.all_powerful_key}"}
    return platform.client(worker).request(method, path, headers=headers)


def show(platform: Platform, name: str) -> JSON:
    """Return the body of a successful `GET /deploy/{name}`."""
    return success_of(request(platform, "GET", f"/deploy/{name}"))


def read(url: str) -> tuple[int, str]:
    """Return the status and the text of the deployed Worker's response."""
    response = httpx2.get(url, trust_env=False)
    return response.status_code, response.text


def upload_elsewhere(emulators: Emulators, name: str, code: str) -> str:
    """Upload a Worker as wrangler would; return its URL in the API."""
    path = f"{emulators.url_of('cloudflare')}/accounts/{'0' * 32}/workers/scripts/{name}"
    metadata = json.dumps({"main_module": "index.js", "compatibility_date": "2026-10-01"})
    files = [
        ("metadata", (None, metadata, "application/json")),
        ("index.js", ("index.js", code, "application/javascript+module")),
    ]
    headers = {"Authorization": "Bearer emulated"}
    httpx2.put(path, headers=headers, files=files, trust_env=False, timeout=30).raise_for_status()
    return path
