"""The main module of the workers in `npm run bench:edge`: it also reports what the isolate has used.

    GET /_probe    {"heap_bytes": 45088768, "subrequests": 7}

`heap_bytes` is the WebAssembly memory of the isolate, which never shrinks; `subrequests` counts calls to providers and
bindings since the report before. This module takes the place of `entry.py` by the option `main` of wrangler/stack.mjs.
It lies outside of what is built and uploaded.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import js
import pyodide_js

from electrons.ratelimit.limiter import RateLimiter
from electrons.runtime.bindings import D1Database, KVNamespace, WorkflowBinding
from electrons.runtime.fetch import FetchTransport
from electrons.runtime.r2 import R2Bucket

PATH = "/_probe"

CALLS = {
    FetchTransport: ("handle_async_request",),
    D1Database: ("query", "execute"),
    KVNamespace: ("get", "put"),
    R2Bucket: ("put", "head", "get"),
    WorkflowBinding: ("create", "send"),
    RateLimiter: ("reserve", "settle"),
}

entry: Any = importlib.import_module("entry")  # each worker has its own

_calls: list[str] = []


def _counted(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        _calls.append(method.__name__)
        return method(*arguments, **options)

    return call


for _kind, _names in CALLS.items():
    for _name in _names:
        setattr(_kind, _name, _counted(getattr(_kind, _name)))


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    """Return the response to one request: the worker's own, or the report."""
    if js.URL.new(request.url).pathname != PATH:
        return entry.on_fetch(request, env, ctx)
    report = {"heap_bytes": pyodide_js._module.HEAP8.length, "subrequests": len(_calls)}  # noqa: SLF001
    _calls.clear()
    return js.Response.new(json.dumps(report))


on_scheduled = entry.on_scheduled
# What the worker's own main module exports besides: workerd takes each class that it finds.
globals().update({name: value for name, value in vars(entry).items() if isinstance(value, type)})
