"""The main module of text-gen in `npm run bench:calls`: it also counts the calls of Python functions.

    GET /_calls?do=begin    {}
    GET /_calls?do=end      {"electrons/app.py": 21, ...}: calls by file since then

What is called but written in C counts for the file that calls it. This module takes the place of `entry.py` by the
option `main` of wrangler/stack.mjs. It lies outside of what is built and uploaded.
"""

from __future__ import annotations

import cProfile
import importlib
import json
from collections import Counter
from typing import Any

import js

PATH = "/_calls"

entry: Any = importlib.import_module("entry")  # each worker has its own

_profile = cProfile.Profile()


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    """Return the response to one request: the worker's own, or the report."""
    global _profile  # noqa: PLW0603  # each is begun once
    url = js.URL.new(request.url)
    if url.pathname != PATH:
        return entry.on_fetch(request, env, ctx)
    if url.searchParams.get("do") == "begin":
        _profile = cProfile.Profile()
        _profile.enable()
        return js.Response.new("{}")
    _profile.disable()
    _profile.create_stats()
    return js.Response.new(json.dumps(_count_by_file(_profile.stats)))


# As the worker's own has it (`electrons/runtime/entrypoint.py`), or Pyodide's calls for it would be counted.
vars(on_fetch)["__signature__"] = "unreadable"


def _count_by_file(stats: dict[Any, Any]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (file, _, _), (_, calls, _, _, callers) in stats.items():
        if file != "~":
            counts[file] += calls
        for (caller, _, _), (called, *_) in callers.items() if file == "~" else ():
            counts[caller] += called
    return dict(counts)
