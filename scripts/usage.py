"""`npm run usage`: what was called, how often, with how many units, and what it is estimated to cost.

    npm run usage -- [--days 7] [--by worker,key,model] [--format table|csv|json] [--remote [--env staging]]

Local usage is that of `.state/`. `--by` takes any of: worker, route, key, provider, model, instance, project, day.
Below the table are the budgets of keys, of the deployment and of providers' accounts: what is spent, what is left, and
when each is renewed.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import budgets
import keys
import setup
from database import Database, LocalDatabase, WranglerDatabase
from deployment.account import read_account
from deployment.configs import ENVIRONMENTS
from deployment.database import find_deployed_database
from progress import Progress

GROUPS: Mapping[str, str] = {
    "worker": "worker",
    "route": "route",
    "key": "COALESCE(key_id, '-')",
    "provider": "provider",
    "model": "provider || ':' || model",
    "instance": "COALESCE(instance_id, '-')",
    "project": "COALESCE(project_id, '-')",
    "day": "substr(created_at, 1, 10)",
}
NUMBERS = ("calls", "errors", "unpriced", "input_units", "output_units", "cost_usd")
"""Columns; `unpriced` are calls that succeeded and whose price is not known, so their cost is missing."""
_BAR = 24


def main(arguments: Sequence[str] | None = None, *, state: Path = keys.STATE) -> int:
    """Print the usage; return the exit status."""
    options = _parse(arguments)
    try:
        database = _open_database(options, state)
        rows = load_usage(database, days=options.days, groups=options.by)
        holders = load_holders(options, database) if options.format == "table" else []
    except setup.SetupError as error:
        print(f"usage: {error}", file=sys.stderr)
        return 1
    match options.format:
        case "json":
            print(json.dumps(rows, indent=2))
        case "csv":
            writer = csv.DictWriter(sys.stdout, [*options.by, *NUMBERS], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        case _:
            print("\n".join(render_table(rows, options.by)))
            if holders:
                print("\n".join(["", *render_budgets(holders, now=datetime.now(UTC))]))
    return 0


def load_usage(database: Database, *, days: int, groups: Sequence[str]) -> list[dict[str, Any]]:
    """Return the sums of the last days by group, the most expensive first, then the most frequent."""
    since = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S")
    columns = ", ".join(f"{GROUPS[group]} AS {group}" for group in groups)
    names = ", ".join(groups)
    sql = f"""
        SELECT {columns}, COUNT(*) AS calls, SUM(status >= 400) AS errors,
            SUM(status < 400 AND estimated_cost_microusd IS NULL) AS unpriced, SUM(input_units) AS input_units,
            SUM(output_units) AS output_units, SUM(COALESCE(estimated_cost_microusd, 0)) / 1e6 AS cost_usd
        FROM usage WHERE created_at >= ? GROUP BY {names} ORDER BY cost_usd DESC, calls DESC, {names}
    """  # noqa: S608  # our own names
    return database.run((" ".join(sql.split()), [since]))


def load_holders(options: argparse.Namespace, database: Database) -> list[budgets.Holder]:
    """Return everybody with a budget, on this machine or in the environment. Raises `SetupError`."""
    environment = (options.env or "production") if options.remote else None
    return budgets.load_holders(database, budgets.find_settings(environment))


def render_budgets(holders: Sequence[budgets.Holder], *, now: datetime) -> list[str]:
    """Return the table of budgets."""
    table = budgets.render_holders(holders, now=now)
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    return [_align(line, widths, text=2, bar="") for line in table]


def render_table(rows: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> list[str]:
    """Return the table with a bar for each row's share of the cost, or of the calls where nothing costs."""
    if not rows:
        return ["no calls in this time"]
    measure = "cost_usd" if any(row["cost_usd"] for row in rows) else "calls"
    most = max(row[measure] for row in rows) or 1
    table = [[*groups, *NUMBERS]]
    table += [[*(str(row[group]) for group in groups), *(_format(name, row[name]) for name in NUMBERS)] for row in rows]
    total = {name: sum(row[name] for row in rows) for name in NUMBERS}
    table.append(["total", *[""] * (len(groups) - 1), *(_format(name, total[name]) for name in NUMBERS)])
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    bars = ["", *("█" * max(1, round(_BAR * row[measure] / most)) if row[measure] else "" for row in rows), ""]
    return [_align(line, widths, text=len(groups), bar=bar) for line, bar in zip(table, bars, strict=True)]


def _align(line: Sequence[str], widths: Sequence[int], *, text: int, bar: str) -> str:
    cells = [
        f"{cell:<{width}}" if at < text else f"{cell:>{width}}"
        for at, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join([*cells, bar]).rstrip()


def _format(name: str, value: float) -> str:
    return f"{value:.4f}" if name == "cost_usd" else f"{value:,.0f}"


def _open_database(options: argparse.Namespace, state: Path) -> Database:
    if not options.remote:
        return LocalDatabase(state)
    return WranglerDatabase("--remote") if options.env is None else find_deployed_database(read_account(), options.env)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="npm run usage --", description="What was called and what it costs.")
    parser.add_argument("--days", type=_days, default=7, help="how far back (default: 7)")
    parser.add_argument("--by", type=_groups, default=["worker", "model"], metavar="NAMES", help=", ".join(GROUPS))
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument("--remote", action="store_true", help="of the deployment, not of this machine")
    parser.add_argument(
        "--env", choices=ENVIRONMENTS, help="with --remote: of this environment, by CLOUDFLARE_API_TOKEN"
    )
    return parser.parse_args(arguments)


def _days(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 3650):
        raise argparse.ArgumentTypeError("must be a whole number of days from 1 to 3650")
    return int(text)


def _groups(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) != len(names) or not set(names) <= GROUPS.keys():
        raise argparse.ArgumentTypeError(f"must be different names of {', '.join(GROUPS)}, separated by commas")
    return names


if __name__ == "__main__":
    setup.run_script(main, progress=Progress("setup", stream=sys.stderr))
