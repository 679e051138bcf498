"""What the tests of `/deploy` share: calls with a key, and Workers that are seen from outside."""

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
    """A Worker that always answers the same."""
    return f"export default {{ fetch() {{ return new Response({json.dumps(text)}) }} }}"


def deploy(platform: Platform, name: str, **members: Any) -> JSON:
    """`deployment` of a successful `POST /deploy`."""
    body = success_of(call(platform, "/deploy", {"worker_name": name, **members}))
    deployment: JSON = body["deployment"]
    assert deployment["success"] is True
    assert deployment["worker_name"] == name
    assert TIMESTAMP.fullmatch(deployment["deployed_at"])
    return deployment


def request(platform: Platform, method: str, path: str, *, worker: str = "sandbox-executor") -> httpx2.Response:
    """A request without a body, with a key that may do everything."""
    headers = {"Authorization": f"Bearer {platform.all_powerful_key}"}
    return platform.client(worker).request(method, path, headers=headers)


def show(platform: Platform, name: str) -> JSON:
    """The body of a successful `GET /deploy/{name}`."""
    return success_of(request(platform, "GET", f"/deploy/{name}"))


def read(url: str) -> tuple[int, str]:
    """What the deployed Worker answers."""
    answer = httpx2.get(url, trust_env=False)
    return answer.status_code, answer.text


def put_behind_our_back(emulators: Emulators, name: str, code: str) -> str:
    """Uploads a Worker as wrangler would; gives its URL in the API."""
    path = f"{emulators.url_of('cloudflare')}/accounts/{'0' * 32}/workers/scripts/{name}"
    metadata = json.dumps({"main_module": "index.js", "compatibility_date": "2026-10-01"})
    files = [
        ("metadata", (None, metadata, "application/json")),
        ("index.js", ("index.js", code, "application/javascript+module")),
    ]
    headers = {"Authorization": "Bearer emulated"}
    httpx2.put(path, headers=headers, files=files, trust_env=False, timeout=30).raise_for_status()
    return path
