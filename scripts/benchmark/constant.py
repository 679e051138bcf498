"""The main module of a Worker that returns a constant, from a class, as Cloudflare's documentation has it.

https://developers.cloudflare.com/workers/languages/python/
"""

from __future__ import annotations

from typing import Any

import js
from workers import WorkerEntrypoint


class Default(WorkerEntrypoint):
    """Answers every request alike."""

    async def on_fetch(self, _request: Any) -> Any:
        """Return the constant. Under the workers' compatibility flags this is the name of `fetch`."""
        return js.Response.new("{}")
