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


class Default(entry.Default):  # type: ignore[misc]
    """Serves the worker's own routes and the report."""

    async def fetch(self, request: Any) -> Any:
        """Return the response to one request."""
        global _profile  # noqa: PLW0603  # each is begun once
        url = js.URL.new(request.js_object.url)
        if url.pathname != PATH:
            return await entry.Default.fetch(self, request)
        if url.searchParams.get("do") == "begin":
            _profile = cProfile.Profile()
            _profile.enable()
            return js.Response.new("{}")
        _profile.disable()
        _profile.create_stats()
        return js.Response.new(json.dumps(_count_by_file(_profile.stats)))


def _count_by_file(stats: dict[Any, Any]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (file, _, _), (_, calls, _, _, callers) in stats.items():
        if file != "~":
            counts[file] += calls
        for (caller, _, _), (called, *_) in callers.items() if file == "~" else ():
            counts[caller] += called
    return dict(counts)


# What the worker's own main module exports besides: workerd takes each class that it finds.
globals().update({name: value for name, value in vars(entry).items() if isinstance(value, type) and name != "Default"})
