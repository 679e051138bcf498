"""Read the values of a provider's answer, whose types are never taken for granted."""

from __future__ import annotations

from typing import Any


def as_text(value: object) -> str | None:
    """The value if it is a text that is not empty, None if it is anything else."""
    return value if isinstance(value, str) and value else None


def as_object(value: object) -> dict[str, Any]:
    """The value if it is an object, an empty one if it is anything else: error bodies come in every shape."""
    return value if isinstance(value, dict) else {}
