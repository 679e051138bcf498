"""The main module of a Worker that returns a constant: the least that a Python Worker can take."""

from __future__ import annotations

from typing import Any

import js
from workers import WorkerEntrypoint


class Default(WorkerEntrypoint):
    """Answers every request alike."""

    async def fetch(self, _request: Any) -> Any:
        """Return the constant."""
        return js.Response.new("{}")
