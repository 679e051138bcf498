"""Templates: edits that are kept under a name. They are checked when they are rendered, as their fields are open."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .renders import now
from .requests import InvalidEditError


@dataclass(slots=True)
class Template:
    """A named edit; times are ISO 8601."""

    name: str
    edit: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """A new template from the request's body. Raises `InvalidEditError`."""
        return cls(*_members(body))

    def replace(self, body: Mapping[str, Any]) -> None:
        """Take the name and the edit of the request's body. Raises `InvalidEditError`."""
        self.name, self.edit = _members(body)
        self.updated = now()

    def summary(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "created": self.created, "updated": self.updated}


_templates: dict[str, dict[str, Template]] = {}


def templates_of(environment: str) -> dict[str, Template]:
    """The environment's templates by id."""
    return _templates.setdefault(environment, {})


def _members(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
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
