"""Templates: edits that are stored under a name. They are checked when rendered, because their fields are open."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .http import InvalidEditError
from .renders import now


@dataclass(slots=True)
class Template:
    """A named edit; times are ISO 8601."""

    name: str
    edit: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Return a new template with the name and edit of the body. Raises `InvalidEditError`."""
        return cls(*_parse_fields(body))

    def replace(self, body: Mapping[str, Any]) -> None:
        """Take over the name and the edit of the body. Raises `InvalidEditError`."""
        self.name, self.edit = _parse_fields(body)
        self.updated = now()

    def summary(self) -> dict[str, str]:
        """Return the object of the template in a list."""
        return {"id": self.id, "name": self.name, "created": self.created, "updated": self.updated}


_templates: dict[str, dict[str, Template]] = {}


def templates_of(environment: str) -> dict[str, Template]:
    """Return the environment's templates by id."""
    return _templates.setdefault(environment, {})


def _parse_fields(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    details = [
        {"message": f'"{name}" must be {kind.__name__}', "path": name, "type": "any.required"}
        for name, kind in (("name", str), ("template", dict))
        if not isinstance(body.get(name, {} if name == "template" else None), kind)
    ]
    details += [
        {"message": f'"{name}" is not allowed', "path": name, "type": "object.unknown"}
        for name in body
        if name not in {"name", "template"}
    ]
    if details:
        raise InvalidEditError(details)
    return body["name"], body.get("template", {})
