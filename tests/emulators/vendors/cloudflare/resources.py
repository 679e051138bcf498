"""An account's resources that bindings refer to. Their data is on the account's workerd (`platform.py`)."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime


def now() -> str:
    """Return the time as the API writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Database:
    """A D1 database."""

    name: str
    jurisdiction: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A KV namespace."""

    title: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Bucket:
    """An R2 bucket."""

    name: str
    storage_class: str = "Standard"
    location: str = "WEUR"
    created_on: str = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """A class of Durable Objects, which the API calls a namespace; the data belongs to its `id`."""

    script: str
    class_name: str
    use_sqlite: bool
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class ScriptClasses:
    """The Durable Objects of one script, and the tag of the last migration that changed them."""

    classes: list[ObjectClass]
    tag: str | None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A Workflow: a name for a class of a script."""

    name: str
    script: str
    class_name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    version_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_on: str = field(default_factory=now)
    modified_on: str = field(default_factory=now)


@dataclass(slots=True)
class Resources:
    """All resources of one account, by id or name."""

    databases: dict[str, Database] = field(default_factory=dict)
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    object_classes: dict[str, ObjectClass] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)

    def find_class(self, script: str, class_name: str) -> ObjectClass | None:
        """Return a class of Durable Objects by its script and name."""
        for found in self.object_classes.values():
            if (found.script, found.class_name) == (script, class_name):
                return found
        return None

    def names_by_kind(self) -> dict[str, list[str]]:
        """Return the resources that can be bound, as the fields of `platform.mjs`."""
        return {"d1": [*self.databases], "kv": [*self.namespaces], "r2": [*self.buckets]}
