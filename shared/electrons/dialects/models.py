"""Model objects of OpenAI (`GET /v1/models`) and of Anthropic, and one in the place of the other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from electrons.routing import Dialect
from electrons.upstream.reading import NAME_LIMIT, Reader, as_integer, as_string

PAGE_LIMIT = 1000
"""Models on one page of Anthropic's list."""

_USUAL_PAGE = 20


def parse_models(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects in a list of either vendor, as they are. Raises `UnreadableError` for another document."""
    return Reader(document).items("data", _parse_model)


def _parse_model(model: Reader) -> dict[str, Any]:
    model.string("id", limit=NAME_LIMIT)
    return model.document


def describe_model(model: dict[str, Any], *, name: str, dialect: Dialect, owner: str) -> dict[str, Any]:
    """Return a vendor's object in a dialect, under the name by which callers may ask for the model."""
    created = _read_time(model)
    if dialect == "anthropic":
        if model.get("type") == "model":
            return {**model, "id": name}
        shown = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": name, "display_name": name.partition(":")[2] or name, "created_at": shown}
    if model.get("object") == "model":
        return {**model, "id": name}
    return {"id": name, "object": "model", "created": created, "owned_by": owner}


def build_page(models: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    """Return a page of Anthropic's list: `limit` models after `after_id` or before `before_id`."""
    text = query.get("limit", "")
    limit = min(max(int(text) if text.isascii() and text.isdigit() else _USUAL_PAGE, 1), PAGE_LIMIT)
    names = [model["id"] for model in models]
    after, before = query.get("after_id"), query.get("before_id")
    start = names.index(after) + 1 if after in names else 0
    end = names.index(before) if before in names else len(names)
    page = models[max(start, end - limit) : end] if before in names else models[start : start + limit]
    has_more = start < end - limit if before in names else start + limit < len(names)
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    return {"data": page, "has_more": has_more, "first_id": first, "last_id": last}


def _read_time(model: dict[str, Any]) -> int:
    """Return when the model was made, in seconds since the epoch; 0 where the object does not say it."""
    text = as_string(model.get("created_at"))
    if text is None:
        return as_integer(model.get("created"), limit=2**40) or 0
    try:
        return max(0, int(datetime.fromisoformat(text).timestamp()))
    except (ValueError, OverflowError):
        return 0
