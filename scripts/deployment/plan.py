"""What a deployment would change, found out without changing anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import local
from deployment.account import Account, Version
from deployment.configs import build_config, compute_tag, database_name, describe_commit, load_config
from deployment.database import AccountDatabase
from deployment.values import Values, choose_values, load_declared
from platform_workers import Worker, find_workers
from setup import SetupError

FIRST = "rate-limiter"
"""The Worker whose Durable Object the others bind."""

WITHOUT_LOADER = "-nl"
"""What is added to the tag of a worker that runs without its Worker Loader. Cloudflare takes tags of 25 characters."""

WITHOUT_TRIGGER = "-nc"
"""The same for a worker without its Cron Trigger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One worker: what would be deployed, and what is live.

    `is_unfinished` says that its address or its Workflow is missing, `is_forced` that it is deployed in any case.
    """

    worker: Worker
    config: Mapping[str, Any]
    values: Values
    tag: str
    live: Version | None
    missing: tuple[str, ...]
    url: str | None
    is_unfinished: bool = False
    is_forced: bool = False

    @property
    def name(self) -> str:
        """Return the name of the deployed Worker."""
        return str(self.config["name"])

    @property
    def live_parts(self) -> tuple[str, ...]:
        """Return the tag of what is live without its suffixes, then these; an empty tag if nothing is."""
        tag = self.live.tag if self.live else ""
        suffixes = [suffix for suffix in (WITHOUT_TRIGGER, WITHOUT_LOADER) if suffix in tag]
        return tag.removesuffix(WITHOUT_TRIGGER).removesuffix(WITHOUT_LOADER), *suffixes

    @property
    def is_change(self) -> bool:
        """Return whether something else is live, nothing, or an upload that was interrupted."""
        return self.live_parts[0] != self.tag or self.is_unfinished or self.is_forced


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment to an environment. `migrations` are those that the database lacks."""

    environment: str
    commit: str
    database: str
    database_id: str | None
    migrations: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def is_change(self) -> bool:
        """Return whether anything would change."""
        return bool(self.database_id is None or self.migrations or any(step.is_change for step in self.steps))

    def describe(self) -> list[str]:
        """Return the plan in lines that a person can read."""
        lines = [f"{self.environment}, from commit {self.commit}"]
        if self.commit.endswith("+"):
            lines.append("  the checkout has changes that are not committed; they are deployed too")
        exists = "exists" if self.database_id else "will be created"
        pending = f"{len(self.migrations)} migrations to apply" if self.migrations else "no migration to apply"
        lines.append(f"  D1 database {self.database}: {exists}, {pending}")
        for step in self.steps:
            action = "create" if step.live is None else "update" if step.is_change else "unchanged"
            lines.append(f"  {step.name:<28}{action}")
            if step.missing:
                lines.append(f"  {'':<28}not set, so their providers cannot be used: {', '.join(step.missing)}")
            if WITHOUT_LOADER in step.live_parts:
                lines.append(f"  {'':<28}runs without its Worker Loader; on the paid plan: {step.worker.name} --force")
            elif "worker_loaders" in step.config:
                lines.append(f"  {'':<28}without the paid Workers plan it gets no Worker Loader and can try no code")
            if WITHOUT_TRIGGER in step.live_parts:
                lines.append(f"  {'':<28}runs without its Cron Trigger; once there is room: {step.worker.name} --force")
        return lines


def choose_workers(names: Sequence[str]) -> list[Worker]:
    """Return the workers to deploy in their order: all without names; the rate limiter is always the first.

    Raises `SetupError`.
    """
    workers = {worker.name: worker for worker in find_workers()}
    if unknown := set(names) - workers.keys():
        raise SetupError(f"There is no worker {', '.join(sorted(unknown))}; the workers are {', '.join(workers)}")
    chosen = [worker for name, worker in workers.items() if not names or name in {*names, FIRST}]
    return sorted(chosen, key=lambda worker: worker.name != FIRST)


def make_plan(
    account: Account,
    environment: str,
    workers: Sequence[Worker],
    values: Mapping[str, str],
    *,
    forced: Collection[str] = (),
) -> Plan:
    """Compare what is live with what this checkout has; `forced` workers count as changed. Raises `SetupError`."""
    subdomain = account.find_subdomain()
    database = database_name(environment)
    database_id = account.find_database(database)
    return Plan(
        environment=environment,
        commit=describe_commit(),
        database=database,
        database_id=database_id,
        migrations=find_pending_migrations(account, database_id),
        steps=tuple(
            replace(_plan_step(account, environment, worker, values, subdomain), is_forced=worker.name in forced)
            for worker in workers
        ),
    )


def find_pending_migrations(account: Account, database_id: str | None) -> tuple[str, ...]:
    """Return the files that have not been applied to a database, in their order."""
    files = sorted(path.name for path in local.MIGRATIONS.glob("*.sql"))
    if database_id is None:
        return tuple(files)
    database = AccountDatabase(account, database_id)
    tables = database.run(("SELECT name FROM sqlite_master WHERE name = 'd1_migrations'", ()))
    applied = {row["name"] for row in database.run(("SELECT name FROM d1_migrations", ()))} if tables else set()
    return tuple(name for name in files if name not in applied)


def _plan_step(account: Account, environment: str, worker: Worker, values: Mapping[str, str], subdomain: str) -> Step:
    own = load_config(worker)
    config = build_config(own, environment=environment, database_id=None)
    is_public = own.get("workers_dev", True)
    url = account.url_of(config["name"], subdomain) if is_public else None
    chosen, missing = Values(vars={}, secrets={}), tuple[str, ...]()
    if worker.package is not None:
        given = {**values, "PUBLIC_BASE_URL": url} if account.is_emulated and url else values
        chosen = choose_values(worker.name, own, given)
        present = chosen.secrets.keys() | account.list_secrets(config["name"])
        present |= {name for name, value in chosen.vars.items() if value}
        missing = tuple(sorted(load_declared(worker.name).credentials - present))
    live = account.find_live(config["name"])
    return Step(
        worker=worker,
        config=config,
        values=chosen,
        tag=compute_tag(worker, config, chosen),
        live=live,
        missing=missing,
        url=url,
        is_unfinished=live is not None and _is_unfinished(account, config, live, is_public=is_public),
    )


def _is_unfinished(account: Account, config: Mapping[str, Any], live: Version, *, is_public: bool) -> bool:
    """Return whether a deployment was interrupted between its upload and its last call of the API."""
    name = config["name"]
    if is_public and not account.is_public(name):
        return True
    crons = config.get("triggers", {}).get("crons", [])
    if crons and not live.tag.endswith(WITHOUT_TRIGGER) and not account.list_crons(name) >= set(crons):
        return True
    return any(account.find_script_of_workflow(each["name"]) != name for each in config.get("workflows", []))
