"""Check the configurations and the D1 migrations.

Every worker's wrangler.toml is compared with wrangler/shared.toml, with its folder and with the other workers' ports.
Migrations may only add, because a rollback of the code leaves the database as it is.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ports
from setup import ROOT

_ADDITION = re.compile(
    r"CREATE (TABLE|INDEX|UNIQUE INDEX|TRIGGER|VIEW)\b|ALTER TABLE \w+ ADD\b|INSERT INTO\b|INSERT OR IGNORE INTO\b",
    re.IGNORECASE,
)
_CREATED_TABLE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)
_UNIQUE_INDEX = re.compile(r"CREATE UNIQUE INDEX (?:IF NOT EXISTS )?\w+ ON (\w+)", re.IGNORECASE)
"""On a table of an earlier migration it could refuse what the code before it writes."""

OPTIONAL = ("triggers",)
BINDINGS = ("d1_databases", "kv_namespaces", "r2_buckets", "worker_loaders")


def main(root: Path = ROOT) -> int:
    """Print each difference; return 1 if there is one."""
    shared = tomllib.loads((root / "wrangler" / "shared.toml").read_text())
    configs = ports.load_configs(root)
    problems = [(name, problem) for name in configs for problem in compare(configs[name], shared, name=name)]
    problems += ports.find_port_problems(configs)
    lines = [f"workers/{name}/wrangler.toml: {problem}" for name, problem in problems]
    lines += [f"wrangler/migrations/{problem}" for problem in check_migrations(root / "wrangler" / "migrations")]
    print("\n".join(lines) or "the workers' configurations agree, and the migrations only add")
    return 1 if lines else 0


def compare(config: Mapping[str, Any], shared: Mapping[str, Any], *, name: str) -> Iterator[str]:
    """Return what is wrong with one worker's configuration."""
    wanted = shared.keys() - set(BINDINGS) - {key for key in OPTIONAL if key not in config}
    expected = {"name": name, "main": "src/entry.py", **{key: shared[key] for key in sorted(wanted)}}
    for key, value in expected.items():
        if config.get(key) != value:
            yield f"{key} is {config.get(key)!r}, not {value!r}"
    command = f"python3 ../../scripts/vendor.py {name}"
    if config.get("build", {}).get("command") != command:
        yield f"[build] command is not {command!r}"
    for kind in BINDINGS:
        for table in config.get(kind, []):
            values = {key: value for key, value in table.items() if key != "binding"}
            known = shared.get(kind, {}).get(table.get("binding"))
            if values != known:
                yield f"[[{kind}]] {table.get('binding')} is {values!r}, not {known!r}"


def check_migrations(folder: Path) -> Iterator[str]:
    """Return what is wrong with the files of D1 migrations: their numbers, and statements that do more than add."""
    for number, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        if not re.fullmatch(rf"{number:04}_[a-z0-9_]+\.sql", path.name):
            yield f"{path.name}: the next name must be {number:04}_words_with_underscores.sql"
        statements = split_statements(path.read_text(encoding="utf-8"))
        created = {match[1].lower() for text in statements if (match := _CREATED_TABLE.match(text))}
        for text in statements:
            unique = _UNIQUE_INDEX.match(text)
            if not _ADDITION.match(text) or (unique and unique[1].lower() not in created):
                yield (
                    f"{path.name}: `{text[:60]}` does more than add: the version of the code before this migration "
                    "must run on the migrated database"
                )


def split_statements(sql: str) -> list[str]:
    """Return the SQL statements of a file on one line each, without comments; a trigger is one statement."""
    statements, text = [], ""
    for line in re.sub(r"--[^\n]*|/\*.*?\*/", "", sql, flags=re.DOTALL).splitlines(keepends=True):
        for piece in re.split(r"(?<=;)", line):
            text += piece
            if sqlite3.complete_statement(text):
                statements.append(" ".join(text.split()))
                text = ""
    return [*statements, " ".join(text.split())] if text.strip() else statements


if __name__ == "__main__":
    sys.exit(main())
