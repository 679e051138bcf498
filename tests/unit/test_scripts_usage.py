"""`npm run usage`: sums, groups and formats; `npm run logs`: lines for a person."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

import budgets
import logs
import setup
import usage
from database import Row, Statement
from electrons.testing import MemoryDatabase

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)

INSERT = (
    "INSERT INTO usage (request_id, created_at, worker, route, key_id, provider, model, unit, input_units, "
    "output_units, status, latency_ms, upstream_ms, estimated_cost_microusd) "
    "VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?), ?, '/generate', ?, 'openai', ?, 'tokens', 10, 20, ?, 5, 4, ?)"
)


class Stored:
    """A database with calls of two workers, one of them a month old."""

    def __init__(self) -> None:
        self._connection = MemoryDatabase()._connection  # noqa: SLF001  # the command is not asynchronous
        for values in (
            ("r1", "0 days", "text-gen", "key-1", "gpt-4o", 200, 500_000),
            ("r2", "0 days", "text-gen", "key-1", "gpt-4o", 502, None),
            ("r3", "-1 days", "text-gen", "key-2", "gpt-4o-mini", 200, 1000),
            ("r4", "0 days", "stock-media", None, "photos", 200, 0),
            ("r5", "-30 days", "text-gen", "key-1", "gpt-4o", 200, 900_000),
        ):
            self._connection.execute(INSERT, values)

    def run(self, *statements: Statement) -> list[Row]:
        """Run one statement."""
        ((sql, values),) = statements
        return [dict(row) for row in self._connection.execute(sql, values)]


def load(groups: Sequence[str], *, days: int = 7) -> list[dict[str, Any]]:
    return usage.load_usage(Stored(), days=days, groups=groups)


def test_usage_is_summed_by_group_most_expensive_first() -> None:
    rows = load(["worker", "model"])

    assert [(row["worker"], row["model"], row["calls"], row["errors"]) for row in rows] == [
        ("text-gen", "openai:gpt-4o", 2, 1),
        ("text-gen", "openai:gpt-4o-mini", 1, 0),
        ("stock-media", "openai:photos", 1, 0),
    ]
    assert [row["cost_usd"] for row in rows] == [0.5, 0.001, 0.0]


def test_usage_reaches_as_far_back_as_it_is_asked_to() -> None:
    assert sum(row["calls"] for row in load(["worker"], days=7)) == 4
    assert sum(row["calls"] for row in load(["worker"], days=60)) == 5


def test_usage_without_a_key_has_a_group_of_its_own() -> None:
    assert {row["key"]: row["calls"] for row in load(["key"])} == {"key-1": 2, "key-2": 1, "-": 1}


def test_table_has_bars_in_proportion_and_a_total() -> None:
    lines = usage.render_table(load(["worker"]), ["worker"])

    assert lines[1].count("█") == 24
    assert "█" not in lines[2]
    assert lines[-1].split() == ["total", "4", "1", "0", "40", "80", "0.5010"]


def test_calls_without_a_price_are_counted() -> None:
    stored = Stored()
    stored._connection.execute(INSERT, ("r6", "0 days", "text-gen", "key-1", "gpt-next", 200, None))  # noqa: SLF001

    rows = usage.load_usage(stored, days=7, groups=["model"])

    assert {row["model"]: row["unpriced"] for row in rows if row["unpriced"]} == {"openai:gpt-next": 1}


def test_budgets_are_shown_with_what_is_spent_and_left() -> None:
    stored = Stored()
    insert = (
        "INSERT INTO api_keys (id, environment, hash, name, owner, scopes, created_at, budget, first_id) "
        "VALUES (?, 'test', '', ?, 'o', 'text', '', ?, ?)"
    )
    for values in (
        ("key-1", "film", "5.00/day, 0.40/month", None),
        ("key-2", "film-again", None, "key-1"),
        ("key-3", "idle", "9/month", None),
    ):
        stored._connection.execute(insert, values)  # noqa: SLF001
    settings = {"BUDGET_PER_DAY": "2", "PROVIDER_BUDGETS": "openai=1/day, ideogram=3/day"}

    lines = usage.render_budgets(budgets.load_holders(stored, settings), now=NOON)

    assert [line.rsplit(maxsplit=5) for line in lines[1:]] == [
        ["key key-1 (film)", "day", "5.00", "0.50", "4.50", "2026-11-27"],
        ["key key-1 (film)", "month", "0.40", ANY, "0.00", "2026-12-01"],
        ["key key-3 (idle)", "month", "9.00", "0.00", "9.00", "2026-12-01"],
        ["deployment", "day", "2.00", "0.50", "1.50", "2026-11-27"],
        ["provider ideogram", "day", "3.00", "0.00", "3.00", "2026-11-27"],
        ["provider openai", "day", "1.00", "0.50", "0.50", "2026-11-27"],
    ]


def test_month_that_ends_the_year_is_renewed_in_january() -> None:
    assert budgets.renewal("month", now=datetime(2026, 12, 31, 23, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)


def test_budgets_that_are_misspelled_are_named() -> None:
    with pytest.raises(setup.SetupError, match="the budgets in the settings"):
        budgets.load_holders(Stored(), {"BUDGET_PER_MONTH": "five"})


def create_workers(root: Path, *values: str) -> None:
    for number, value in enumerate(values):
        folder = root / "workers" / f"worker-{number}"
        folder.mkdir(parents=True)
        (folder / "wrangler.toml").write_text(f'name = "w"\n[vars]\nBUDGET_PER_DAY = "{value}"\n')
        (folder / "pyproject.toml").write_text("")


def test_budgets_of_a_deployment_come_from_vars_and_files(tmp_path: Path) -> None:
    create_workers(tmp_path, "5", "", "5")
    (tmp_path / ".prod.vars").write_text("PROVIDER_BUDGETS=openai=1/day\nBUDGET_PER_MONTH=70\n")

    assert budgets.find_settings(None, root=tmp_path) == {"BUDGET_PER_DAY": "5"}
    assert budgets.find_settings("production", root=tmp_path) == {
        "BUDGET_PER_DAY": "5",
        "BUDGET_PER_MONTH": "70",
        "PROVIDER_BUDGETS": "openai=1/day",
    }


def test_workers_with_different_budgets_are_reported(tmp_path: Path) -> None:
    create_workers(tmp_path, "5", "6")

    with pytest.raises(setup.SetupError, match="different values of BUDGET_PER_DAY: 5, 6"):
        budgets.find_settings(None, root=tmp_path)

    (tmp_path / ".dev.vars").write_text("BUDGET_PER_DAY=7\n")
    assert budgets.find_settings(None, root=tmp_path) == {"BUDGET_PER_DAY": "7"}


def test_table_without_calls_says_so() -> None:
    assert usage.render_table([], ["worker"]) == ["no calls in this time"]


@pytest.mark.parametrize("text", ["", "worker,worker", "secret", "worker,x"])
def test_group_that_is_unknown_or_repeated_is_refused(text: str) -> None:
    with pytest.raises(SystemExit):
        usage.main(["--by", text])


def test_csv_and_json_have_the_same_rows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_open_database", lambda *_: Stored())

    assert usage.main(["--format", "csv", "--by", "worker"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert usage.main(["--format", "json", "--by", "worker"]) == 0
    documents = json.loads(capsys.readouterr().out)

    assert [row["worker"] for row in rows] == [row["worker"] for row in documents] == ["text-gen", "stock-media"]
    assert float(rows[0]["cost_usd"]) == documents[0]["cost_usd"] == 0.501


def test_log_line_of_a_request_is_one_short_line() -> None:
    line = {"event": "request", "method": "POST", "route": "/generate", "status": 200, "ms": 12, "request_id": "r1"}

    assert logs.render_line(json.dumps(line)) == "POST /generate 200 ms=12 request_id=r1"


def test_log_line_of_another_event_keeps_its_facts() -> None:
    line = {"event": "retry", "level": "warning", "request_id": "r1", "attempt": 1}

    assert logs.render_line(json.dumps(line)) == 'warning retry request_id=r1 {"attempt": 1}'


@pytest.mark.parametrize("message", ["plain text", "[1]", "{}"])
def test_log_line_of_another_source_is_shown_as_it_is(message: str) -> None:
    assert logs.render_line(message) == message


def test_event_shows_exceptions_and_outcomes() -> None:
    event = {"outcome": "exceededCpu", "logs": [], "exceptions": [{"name": "Error", "message": "too much"}]}

    assert list(logs.render_event(event)) == ["exception: Error: too much", "outcome: exceededCpu"]


def test_documents_over_many_lines_are_read_one_by_one() -> None:
    text = json.dumps({"outcome": "ok"}, indent=2) + "\n" + json.dumps({"outcome": "canceled"}) + "\n"

    assert [event["outcome"] for event in logs.read_documents(text.splitlines(keepends=True))] == ["ok", "canceled"]
