"""Every way in which one value of a JSON document can be wrong: left out, null, of another type, blown up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

ABSENT = ("left out", "null")
"""The changes that leave no value."""

WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "number": 5,
    "negative": -5,
    "fraction": 1.5,
    "too large": 10**15,
    "larger than any float": 10**400,
    "large float": 1e300,
    "words": "words",
    "digits": "5",
    "empty string": "",
    "long string": "x" * 20_000,
    "half a surrogate pair": "a\ud83d",
    "null character": "a\0b",
    "empty list": [],
    "empty object": {},
    "list of null": [None],
    "list of lists": [[["x"]]],
    "object of objects": {"x": {"x": {"x": 1}}},
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """A document in which one value is wrong."""

    path: Path
    change: str
    document: Any

    @property
    def field(self) -> str:
        """Return the field's name from the root on; `[]` is any item of a list."""
        name = ""
        for part in self.path:
            name += "[]" if isinstance(part, int) else f".{part}" if name else part
        return name


def mutate(document: Any) -> Iterator[Mutation]:
    """Iterate over the document with each of its values wrong in each way, one at a time."""
    for path, value in _walk(document, ()):
        yield Mutation(path, "left out", _replace(document, path))
        for change, wrong in WRONG.items():
            yield Mutation(path, change, _replace(document, path, wrong))
        if isinstance(value, list) and value:
            yield Mutation(path, "a hundred times", _replace(document, path, value * 100))
            yield Mutation(path, "one bad item", _replace(document, path, [None, *value]))
            yield Mutation(path, "one item of another type", _replace(document, path, [*value, 5]))


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*path, name), item
        yield from _walk(item, (*path, name))


def _replace(document: Any, path: Path, *values: Any) -> Any:
    """Return a copy with another value at `path`, or without it if there is none."""
    changed = json.loads(json.dumps(document))  # not `deepcopy`, which keeps what two fields share
    holder = changed
    for part in path[:-1]:
        holder = holder[part]
    if values:
        holder[path[-1]] = values[0]
    else:
        del holder[path[-1]]
    return changed
