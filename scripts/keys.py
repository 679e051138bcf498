"""`npm run keys -- create|list|change|revoke|rotate`: manage API keys, locally or with `--remote` in the deployment.

    npm run keys -- create --name film-app --owner me@example.com --scopes text,audio --expires 90d --budget 5/day
    npm run --silent keys -- list --remote

A key is printed once, alone on standard output; everything else goes to standard error. Only its hash is stored, and
wrangler is given only that. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import setup
from database import Database, LocalDatabase, Statement, WranglerDatabase
from deployment.account import read_account
from deployment.configs import ENVIRONMENTS
from deployment.database import find_deployed_database
from platform_workers import find_scopes
from progress import Progress

sys.path.insert(0, str(setup.ROOT / "shared"))

from electrons.keys import (
    KeyEnvironment,
    KeyRecord,
    MalformedKeyError,
    format_time,
    generate,
    parse,
)
from electrons.money import parse_budget
from electrons.ratelimit.headers import parse_policies

STATE = setup.ROOT / ".state"
SCOPES = find_scopes()
LOCAL_KEY = "local-key"
"""The file in the state's folder that has a key with all scopes for local use."""

LABEL_LENGTH = 100

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SELECT = f"SELECT {', '.join(field.name for field in fields(KeyRecord))} FROM api_keys"  # noqa: S608  # our own names
_DESCEND = "UPDATE api_keys SET first_id = (SELECT COALESCE(first_id, id) FROM api_keys WHERE id = ?) WHERE id = ?"
_EXPIRE = "UPDATE api_keys SET expires_at = ? WHERE id = ?"
_COLUMNS = (
    *("id", "environment", "name", "owner", "scopes", "status", "expires_at", "last_used_at"),
    *("rate_limit_policy", "budget", "models"),
)


class KeysError(Exception):
    """What cannot be done and why, in one line."""


def main(arguments: Sequence[str] | None = None, *, state: Path = STATE) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        database = _open_database(options, state)
        match options.command:
            case "create":
                lifetime: timedelta | None = options.expires
                key, record = create(
                    database,
                    environment="live" if options.remote else "test",
                    name=options.name,
                    owner=options.owner,
                    scopes=options.scopes,
                    expires_at=_now() + lifetime if lifetime else None,
                    rate_limit_policy=options.limit,
                    budget=_join_budgets(options.budget),
                    models=options.models,
                )
                _print_new_key(key, record)
            case "change":
                record = change(database, options.id, budget=_join_budgets(options.budget), models=options.models)
                _print_message(f"The key {record.id}: {_describe_spending(record)}, within `KEY_CACHE_SECONDS`.")
            case "list":
                _print_table(load_records(database))
            case "revoke":
                revoke(database, options.id)
                _print_message(
                    f"The key {options.id} is revoked; workers refuse it within `KEY_CACHE_SECONDS`, 30 by default."
                )
            case "rotate":
                key, record = rotate(database, options.id, overlap=options.overlap)
                _print_new_key(key, record)
                _print_message(f"The key {options.id} is valid until {find(database, options.id).expires_at}.")
    except (KeysError, setup.SetupError) as error:
        _print_message(f"keys: {error}")
        return 1
    return 0


def _open_database(options: argparse.Namespace, state: Path) -> Database:
    if not options.remote:
        return LocalDatabase(state)
    return WranglerDatabase("--remote") if options.env is None else find_deployed_database(read_account(), options.env)


def create(
    database: Database,
    *,
    environment: KeyEnvironment,
    name: str,
    owner: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    rate_limit_policy: str | None = None,
    budget: str | None = None,
    models: str | None = None,
    replaces: str | None = None,
    replaced_until: datetime | None = None,
) -> tuple[str, KeyRecord]:
    """Create a key and store its record; return both.

    `replaces` is the id of a key whose deployed Workers are then the new key's too, and `replaced_until` is when that
    key expires. All of it is one transaction.
    """
    key = generate(environment)
    record = KeyRecord.create(
        key,
        name=name,
        owner=owner,
        scopes=scopes,
        created_at=_now(),
        expires_at=expires_at,
        rate_limit_policy=rate_limit_policy,
        budget=budget,
        models=models,
    )
    row = asdict(record)
    values = ", ".join("?" for _ in row)
    insert = f"INSERT INTO api_keys ({', '.join(row)}) VALUES ({values})"  # noqa: S608  # our own names
    statements: list[Statement] = [(insert, list(row.values()))]
    if replaces is not None:
        statements.append((_DESCEND, [replaces, record.id]))
    if replaced_until is not None:
        statements.append((_EXPIRE, [format_time(replaced_until), replaces]))
    database.run(*statements)
    return key, record if replaces is None else find(database, record.id)


def load_records(database: Database) -> list[KeyRecord]:
    """Return the records of all keys, the oldest first."""
    return [KeyRecord(**row) for row in database.run((f"{_SELECT} ORDER BY created_at, id", ()))]


def find(database: Database, key_id: str) -> KeyRecord:
    """Return one key's record. Raises `KeysError`."""
    rows = database.run((f"{_SELECT} WHERE id = ?", [key_id]))
    if not rows:
        raise KeysError(f"no key has the id {key_id}; `npm run keys -- list` shows all keys")
    return KeyRecord(**rows[0])


def change(database: Database, key_id: str, *, budget: str | None, models: str | None) -> KeyRecord:
    """Give a key another budget or other models; None leaves them as they are, and an empty string removes them.

    What it has spent still counts. Raises `KeysError`.
    """
    record = find(database, key_id)
    if budget is None and models is None:
        raise KeysError("say what to change: --budget or --models")
    record = replace(
        record,
        budget=record.budget if budget is None else budget or None,
        models=record.models if models is None else models or None,
    )
    database.run(("UPDATE api_keys SET budget = ?, models = ? WHERE id = ?", [record.budget, record.models, key_id]))
    return record


def revoke(database: Database, key_id: str) -> None:
    """Make a key invalid forever. Raises `KeysError`."""
    if find(database, key_id).revoked_at is not None:
        raise KeysError(f"the key {key_id} is already revoked")
    database.run(("UPDATE api_keys SET revoked_at = ? WHERE id = ?", [format_time(_now()), key_id]))


def rotate(database: Database, key_id: str, *, overlap: timedelta) -> tuple[str, KeyRecord]:
    """Create a key like a valid one, which expires after the overlap; return the new key and its record.

    If the old key was valid for a limited time, the new one is valid for as long from now. What belongs to the old key
    (deployed Workers, executions) belongs to the new one too. Raises `KeysError`.
    """
    old, now = find(database, key_id), _now()
    if (status := old.status(now.timestamp())) != "valid":
        raise KeysError(f"the key {key_id} is {status}; create a new one")
    old_end = datetime.fromisoformat(old.expires_at) if old.expires_at else None
    end = now + overlap if old_end is None else min(old_end, now + overlap)
    return create(
        database,
        environment="live" if old.environment == "live" else "test",
        name=old.name,
        owner=old.owner,
        scopes=[scope for scope in SCOPES if scope in old.scopes.split()],
        expires_at=now + (old_end - datetime.fromisoformat(old.created_at)) if old_end else None,
        rate_limit_policy=old.rate_limit_policy,
        budget=old.budget,
        models=old.models,
        replaces=key_id,
        replaced_until=end,
    )


def load_local_key(state: Path = STATE) -> str:
    """Return a valid local key with all scopes: that of an earlier run, or a new one, which the next run returns."""
    database, file = LocalDatabase(state), state / LOCAL_KEY
    if file.exists() and _is_usable(key := file.read_text().strip(), database):
        return key
    old_id = _find_id(file.read_text().strip()) if file.exists() else None
    key, _ = create(database, environment="test", name="local", owner="npm start", scopes=SCOPES, replaces=old_id)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:  # noqa: PTH123
        stream.write(key + "\n")
    new.replace(file)
    return key


def _find_id(key: str) -> str | None:
    try:
        return parse(key).id
    except MalformedKeyError:
        return None


def _is_usable(key: str, database: Database) -> bool:
    try:
        parsed = parse(key)
        record = find(database, parsed.id)
    except (MalformedKeyError, KeysError):
        return False
    complete = set(SCOPES) <= set(record.scopes.split())
    return complete and record.hash == parsed.hash and record.status(time.time()) == "valid"


def _parser() -> argparse.ArgumentParser:
    remote = argparse.ArgumentParser(add_help=False)
    remote.add_argument("--remote", action="store_true", help="use the deployed database, not the local one")
    remote.add_argument(
        "--env", choices=ENVIRONMENTS, help="with --remote: of this environment, by CLOUDFLARE_API_TOKEN"
    )
    parser = argparse.ArgumentParser(prog="npm run keys --", description="Manage the API keys of callers.")
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("create", parents=[remote], help="create a key and print it, this once")
    make.add_argument("--name", required=True, type=_label, help="what the key is for")
    make.add_argument("--owner", required=True, type=_label, help="who is responsible for it")
    make.add_argument("--scopes", required=True, type=_scopes, help=f"comma-separated: {', '.join(SCOPES)}")
    make.add_argument("--expires", type=_lifetime, metavar="TIME", help="90d, 12h, 30m (default: never)")
    make.add_argument(
        "--limit",
        type=_policy,
        metavar="POLICY",
        help="its own RATE_LIMIT_POLICY, or none (default: that of the deployment)",
    )
    _add_spending(make)
    commands.add_parser("list", parents=[remote], help="print all keys, without their secrets")
    end = commands.add_parser("revoke", parents=[remote], help="make a key invalid")
    end.add_argument("id", metavar="ID")
    other = commands.add_parser("change", parents=[remote], help="give a key another budget or other models")
    other.add_argument("id", metavar="ID")
    _add_spending(other)
    successor = commands.add_parser("rotate", parents=[remote], help="create a key like an old one, which then expires")
    successor.add_argument("id", metavar="ID")
    successor.add_argument(
        "--overlap", type=_duration, default=timedelta(days=1), metavar="TIME", help="how long both are valid: 24h, 0m"
    )
    return parser


def _add_spending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget",
        action="append",
        type=_budget,
        metavar="USD/PERIOD",
        help="5/day or 50/month, also both; none for no budget (default: only that of the deployment)",
    )
    parser.add_argument(
        "--models",
        type=_models,
        metavar="MODELS",
        help="the models that it may use: openai:gpt-4o-mini,anthropic:*; none for no list (default: all)",
    )


def _label(text: str) -> str:
    if not (text.strip() and text.isprintable() and len(text) <= LABEL_LENGTH):
        raise argparse.ArgumentTypeError(f"must have 1 to {LABEL_LENGTH} printable characters")
    return text.strip()


def _scopes(text: str) -> list[str]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    if unknown := names - set(SCOPES):
        raise argparse.ArgumentTypeError(
            f"there is no scope {', '.join(sorted(unknown))}; the scopes are {', '.join(SCOPES)}"
        )
    if not names:
        raise argparse.ArgumentTypeError(f"must name a scope; the scopes are {', '.join(SCOPES)}")
    return [scope for scope in SCOPES if scope in names]


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be a time such as 30m, 12h or 90d, not {text!r}")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _lifetime(text: str) -> timedelta:
    lifetime = _duration(text)
    if not lifetime:
        raise argparse.ArgumentTypeError("must be longer than 0")
    return lifetime


def _budget(text: str) -> str:
    if text == "none":
        return ""
    try:
        budget = parse_budget(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not budget:
        raise argparse.ArgumentTypeError("must be an amount in US dollars for a period: 5/day or 50/month")
    return text


def _join_budgets(budgets: Sequence[str] | None) -> str | None:
    """Return all budgets of a command in one list. Raises `KeysError` for two of the same period."""
    if budgets is None:
        return None
    try:
        return str(parse_budget(", ".join(budgets)))
    except ValueError as error:
        raise KeysError(str(error)) from error


def _models(text: str) -> str:
    if text == "none":
        return ""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in names:
        provider, colon, model = name.partition(":")
        if not (provider and colon and model) or "*" in name[:-1] or len(name.split()) != 1:
            raise argparse.ArgumentTypeError(
                f"{name!r} must be a model with its provider, like openai:gpt-4o-mini; a * may end it"
            )
    if not names:
        raise argparse.ArgumentTypeError("must name a model, like openai:gpt-4o-mini")
    return " ".join(names)


def _policy(text: str) -> str:
    if text == "none":
        return text
    try:
        policies = parse_policies(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not policies:
        raise argparse.ArgumentTypeError('must not be empty; an example is "requests";q=60;w=60')
    return text


def _now() -> datetime:
    return datetime.now(UTC)


def _print_new_key(key: str, record: KeyRecord) -> None:
    limits = record.rate_limit_policy or "those of the deployment"
    _print_message(f"The key {record.id} of {record.owner}, for {record.name}: {record.scopes.replace(' ', ', ')}")
    _print_message(f"expires: {record.expires_at or 'never'}; limits: {limits}; {_describe_spending(record)}")
    _print_message("It is shown only this once; only its hash is stored.")
    print(key, flush=True)


def _describe_spending(record: KeyRecord) -> str:
    budget = f"${record.budget}" if record.budget else "that of the deployment"
    return f"budget: {budget}; models: {(record.models or 'all').replace(' ', ', ')}"


def _print_table(records: Sequence[KeyRecord]) -> None:
    rows = [list(_COLUMNS)]
    for record in records:
        values = {**asdict(record), "status": record.status(time.time())}
        rows.append([str(values[column] or "-") for column in _COLUMNS])
    widths = [max(len(text) for text in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip())


def _print_message(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    setup.run_script(main, progress=Progress("setup", stream=sys.stderr))
