"""The budgets that `npm run usage` shows: of keys, of the deployment and of providers' accounts.

What is spent is that of the usage ledger; what calls in flight have reserved is known to `GET /v1/usage` only. The
budgets of keys are in the database. Those of the deployment and of providers are settings, so they are read where these
come from: the `[vars]` of the workers, and the file of vars of this machine or of the environment.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import local
import setup
from database import Database
from deployment.configs import load_config
from deployment.values import FILES
from platform_workers import find_workers

sys.path.insert(0, str(setup.ROOT / "shared"))

from electrons.money import PERIODS, Budget, Period, format_usd, parse_budget, parse_provider_budgets, parse_usd

HEAD = ("whose", "period", "budget in USD", "spent", "left", "renews")
_OF_KEY = """key_id IN (SELECT id FROM api_keys WHERE COALESCE(first_id, id) = COALESCE(keys.first_id, keys.id))"""
_SETTINGS = ("BUDGET_PER_DAY", "BUDGET_PER_MONTH", "PROVIDER_BUDGETS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who may spend an amount, and what was spent since the day and the month began, in millionths of a dollar."""

    whose: str
    budget: Budget
    spent: Mapping[Period, int]


def load_holders(database: Database, settings: Mapping[str, str]) -> list[Holder]:
    """Return everybody with a budget: keys, the deployment, providers. Raises `SetupError` for a wrong setting."""
    try:
        deployment = Budget(
            day=parse_usd(text) if (text := settings.get("BUDGET_PER_DAY")) else None,
            month=parse_usd(text) if (text := settings.get("BUDGET_PER_MONTH")) else None,
        )
        providers = parse_provider_budgets(settings.get("PROVIDER_BUDGETS", ""))
    except ValueError as error:
        raise setup.SetupError(f"the budgets in the settings cannot be read: {error}") from error
    holders = list(_load_keys(database))
    if deployment or providers:
        spent = _load_spent(database)
        if deployment:
            total = {period: sum(row[period] for row in spent.values()) for period in PERIODS}
            holders.append(Holder(whose="deployment", budget=deployment, spent=total))
        holders += [
            Holder(whose=f"provider {name}", budget=budget, spent=spent.get(name, {}))
            for name, budget in sorted(providers.items())
        ]
    return holders


def find_settings(environment: str | None, *, root: Path = setup.ROOT) -> dict[str, str]:
    """Return the settings that hold budgets; None is this machine. Raises `SetupError` where workers differ."""
    file = local.read_dev_vars(root / (".dev.vars" if environment is None else FILES[environment]))
    found: dict[str, str] = {}
    for name in _SETTINGS:
        stated = {str(load_config(worker).get("vars", {}).get(name, "")) for worker in find_workers(root)} - {""}
        if name not in file and len(stated) > 1:
            raise setup.SetupError(f"the workers have different values of {name}: {', '.join(sorted(stated))}")
        if text := file.get(name) or next(iter(stated), ""):
            found[name] = text
    return found


def render_holders(holders: Sequence[Holder], *, now: datetime) -> list[tuple[str, ...]]:
    """Return the lines of the table, the head first: one for each period of each budget."""
    lines: list[tuple[str, ...]] = [HEAD]
    for holder in holders:
        for period in PERIODS:
            if (limit := holder.budget.limit(period)) is not None:
                spent = holder.spent.get(period, 0)
                amounts = (format_usd(amount) for amount in (limit, spent, max(0, limit - spent)))
                lines.append((holder.whose, period, *amounts, renewal(period, now=now).strftime("%Y-%m-%d")))
    return lines


def renewal(period: Period, *, now: datetime) -> datetime:
    """Return when the period ends: at midnight UTC."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1) if period == "day" else (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _load_keys(database: Database) -> Iterator[Holder]:
    spent = f"(SELECT SUM(estimated_cost_microusd) FROM usage WHERE created_at >= ? AND {_OF_KEY})"  # noqa: S608
    sums = ", ".join(f"COALESCE({spent}, 0) AS {period}" for period in PERIODS)
    sql = f"""
        SELECT COALESCE(first_id, id) AS key, name, budget, {sums} FROM api_keys AS keys
        WHERE budget IS NOT NULL AND revoked_at IS NULL ORDER BY month DESC, key
    """  # noqa: S608  # our own names
    for row in database.run((" ".join(sql.split()), _beginnings())):
        whose, budget = f"key {row['key']} ({row['name']})", parse_budget(row["budget"])
        yield Holder(whose=whose, budget=budget, spent={period: int(row[period]) for period in PERIODS})


def _load_spent(database: Database) -> dict[str, dict[Period, int]]:
    """Return what was spent with each provider."""
    sql = """
        SELECT provider, SUM(CASE WHEN created_at >= ? THEN estimated_cost_microusd ELSE 0 END) AS day,
            SUM(estimated_cost_microusd) AS month
        FROM usage WHERE created_at >= ? GROUP BY provider
    """
    rows = database.run((" ".join(sql.split()), _beginnings()))
    return {row["provider"]: {period: int(row[period] or 0) for period in PERIODS} for row in rows}


def _beginnings() -> list[str]:
    now = datetime.now(UTC)
    return [now.strftime("%Y-%m-%d"), now.strftime("%Y-%m")]
