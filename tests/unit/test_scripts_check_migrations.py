"""Migrations that do more than add are refused, because a rollback leaves the database as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from check_config import check_migrations, split_statements
from setup import ROOT

FIRST = "CREATE TABLE usage (id INTEGER PRIMARY KEY);"


def problems_of(folder: Path, *files: str) -> list[str]:
    for number, sql in enumerate(files, start=1):
        (folder / f"{number:04}_change.sql").write_text(sql)
    return list(check_migrations(folder))


def test_migrations_of_the_repository_only_add() -> None:
    assert not list(check_migrations(ROOT / "wrangler" / "migrations"))


@pytest.mark.parametrize(
    "sql",
    [
        "-- DROP TABLE usage;\nALTER TABLE usage ADD COLUMN trace TEXT;",
        "CREATE INDEX usage_by_id ON usage (id); CREATE VIEW one AS SELECT 1;",
        "CREATE TABLE other (id TEXT);\nCREATE UNIQUE INDEX other_by_id ON other (id);",
        "INSERT INTO usage VALUES (';');",
        "CREATE TRIGGER adds AFTER INSERT ON usage BEGIN\n  UPDATE usage SET id = 1;\n  DELETE FROM usage;\nEND;",
    ],
)
def test_migration_that_adds_is_accepted(tmp_path: Path, sql: str) -> None:
    assert problems_of(tmp_path, FIRST, sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE usage;",
        "drop index usage_by_id;",
        "ALTER TABLE usage RENAME TO calls;",
        "ALTER TABLE usage DROP COLUMN id;",
        "DELETE FROM usage;",
        "UPDATE usage SET id = 2;",
        "INSERT OR REPLACE INTO usage VALUES (1);",
        "CREATE UNIQUE INDEX usage_by_id ON usage (id);",
        "CREATE TABLE x (id); DROP TABLE usage",
    ],
)
def test_migration_that_does_more_than_add_is_refused(tmp_path: Path, sql: str) -> None:
    (problem,) = problems_of(tmp_path, FIRST, sql)

    assert "0002_change.sql" in problem
    assert "does more than add" in problem


@pytest.mark.parametrize("name", ["0003_late.sql", "2_short.sql", "0002_Upper.sql"])
def test_migration_with_another_name_than_the_next_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "0001_first.sql").write_text(FIRST)
    (tmp_path / name).write_text("CREATE TABLE other (id TEXT);")

    assert any("the next name must be" in problem for problem in check_migrations(tmp_path))


def test_trigger_is_one_statement() -> None:
    assert len(split_statements("CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT 1; END; SELECT 2")) == 2
