"""The D1 database for commands: the local stack's file, or through wrangler the deployed one.

The local file may be written while workerd has it open: SQLite lets one process at a time write.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import local
from setup import NODE, ROOT, SetupError, environment

Value = str | int | float | None
Row = dict[str, Any]
Statement = tuple[str, Sequence[Value]]
"""SQL with a `?` for each value, and the values."""

BUSY_SECONDS = 10


class Database(Protocol):
    """A D1 database that runs statements."""

    def run(self, *statements: Statement) -> list[Row]:
        """Run all statements or none; return the rows of the last. Raises `SetupError`."""


class LocalDatabase:
    """The database of the local stack whose state is in a folder; it is created and migrated if necessary."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        local.migrate(state)
        self._file = local.database_file(state)

    def run(self, *statements: Statement) -> list[Row]:
        """Run the statements like `Database.run`."""
        try:
            with closing(sqlite3.connect(f"file:{self._file}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as connection:
                connection.row_factory = sqlite3.Row
                rows: list[Row] = []
                with connection:
                    for sql, values in statements:
                        rows = [dict(row) for row in connection.execute(sql, values)]
                return rows
        except sqlite3.Error as error:
            raise SetupError(f"the local database {self._file} cannot be used: {error}") from error


class WranglerDatabase:
    """The database that `wrangler d1 execute` uses; `location` is the options of wrangler that choose it."""

    def __init__(self, *location: str) -> None:
        self._location = location

    def run(self, *statements: Statement) -> list[Row]:
        """Run the statements like `Database.run`; D1 runs those of one call in a transaction."""
        sql = "; ".join(inline(*statement) for statement in statements)
        command = [str(NODE), "node_modules/wrangler/bin/wrangler.js", "d1", "execute", "DB", *self._location]
        command += ["--config", "workers/text-gen/wrangler.toml", "--yes", "--json", "--command", sql]
        result = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise SetupError(f"wrangler could not use the database: {_error_text(result.stdout, result.stderr)}")
        rows: list[Row] = json.loads(result.stdout)[-1]["results"]
        return rows


def inline(sql: str, values: Sequence[Value]) -> str:
    """Return the statement with its values as SQL literals, because wrangler accepts no values beside the SQL.

    A literal ends at the next single quote that is not doubled, whatever else it contains
    (https://sqlite.org/lang_expr.html#literal_values_constants_). Raises ValueError.
    """
    pieces = sql.split("?")
    if len(pieces) != len(values) + 1:
        raise ValueError(f"{len(values)} values for {len(pieces) - 1} question marks")
    return pieces[0] + "".join(_literal(value) + piece for value, piece in zip(values, pieces[1:], strict=True))


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a string with a null character cannot be a literal: SQLite ends it there")
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def _error_text(stdout: str, stderr: str) -> str:
    """Return wrangler's error message, which is JSON on standard output with `--json`."""
    try:
        error = json.loads(stdout)["error"]
        return " ".join([error["text"], *(note["text"] for note in error.get("notes", []))])
    except (ValueError, KeyError, TypeError):
        return (stderr or stdout).strip()
