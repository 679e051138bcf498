"""`npm run usage`: sums, groups and formats; `npm run logs`: lines for a person."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

import logs
import usage
from database import Row, Statement
from electrons.testing import MemoryDatabase

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


def test_budgets_of_keys_are_shown_with_what_was_spent() -> None:
    stored = Stored()
    insert = (
        "INSERT INTO api_keys (id, environment, hash, name, owner, scopes, created_at, budget, first_id) "
        "VALUES (?, 'test', '', ?, 'o', 'text', '', ?, ?)"
    )
    for values in (
        ("key-1", "film", "5.00/day", None),
        ("key-2", "film-again", None, "key-1"),
        ("key-3", "idle", "9/month", None),
    ):
        stored._connection.execute(insert, values)  # noqa: SLF001

    budgets = usage.load_budgets(stored)

    assert [(row["key"], row["name"]) for row in budgets] == [("key-1", "film"), ("key-3", "idle")]
    assert budgets[0]["day"] >= 500_000
    lines = usage.render_budgets(budgets)
    assert lines[0].split("  ")[0] == "key"
    assert "5.00/day" in lines[1]
    assert lines[2].endswith("0.00")


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
