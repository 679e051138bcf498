"""The main module of a worker in test_memory.py: it also says what a garbage collection finds.

    GET /_garbage    {"Request": 12, "function": 12}: objects by type that only a collection frees

Collections happen only when they are asked for. It takes the place of `entry.py` by the option `main` of
wrangler/stack.mjs, and lies outside of what is uploaded.
"""

from __future__ import annotations

import gc
import importlib
import json
from collections import Counter
from typing import Any

import js

entry: Any = importlib.import_module("entry")  # each worker has its own

gc.disable()


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    """Return the response to one request: the worker's own, or the report."""
    if js.URL.new(request.url).pathname != "/_garbage":
        return entry.on_fetch(request, env, ctx)
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    found = Counter(type(each).__name__ for each in gc.garbage)
    gc.set_debug(0)
    gc.garbage.clear()
    gc.collect()
    return js.Response.new(json.dumps(found))
