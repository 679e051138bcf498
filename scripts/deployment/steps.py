"""Carry out a plan. Each step can be repeated, so a deployment that was interrupted is finished by the next one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from deployment.account import Account
from deployment.configs import build_config, load_config, title_of_namespace, written_config
from deployment.database import AccountDatabase
from deployment.plan import Plan, Step
from deployment.smoke import SmokeError, temporary_key, try_worker
from deployment.wrangler import run_wrangler
from platform_workers import Worker
from setup import SetupError

Print = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What a deployment did. `failed` has the reason by the name of the Worker."""

    deployed: list[Step] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    went_back: list[str] = field(default_factory=list)


def carry_out(account: Account, plan: Plan, *, show: Print) -> Outcome:
    """Create what is missing, deploy what differs, try all workers, and go back where that fails.

    Raises `SetupError` for what went wrong before anything was tried: what was deployed by then stays.
    """
    if plan.database_id is None:
        show(f"creating the D1 database {plan.database}")
        plan = replace(plan, database_id=account.create_database(plan.database))
    database_id = plan.database_id or ""
    if plan.migrations:
        show(f"applying {len(plan.migrations)} migrations")
        apply_migrations(account, plan, database_id)
    outcome = Outcome()
    try:
        for step in plan.steps:
            if step.is_change:
                show(f"deploying {step.name}")
                deploy_worker(account, plan, step, database_id)
                outcome.deployed.append(step)
    except SetupError as error:
        outcome.failed[step.name] = str(error)
    else:
        outcome.failed |= try_workers(account, plan.steps, database_id, show=show)
    if outcome.failed:
        outcome.went_back = go_back(account, outcome.deployed, show=show)
    return outcome


def apply_migrations(account: Account, plan: Plan, database_id: str) -> None:
    """Apply the migrations that the database lacks."""
    step = next(step for step in plan.steps if "d1_databases" in step.config)
    config = build_config(load_config(step.worker), environment=plan.environment, database_id=database_id)
    with written_config(step.worker, config, environment=plan.environment) as path:
        run_wrangler(account, "d1", "migrations", "apply", plan.database, "--remote", config=path)


def deploy_worker(account: Account, plan: Plan, step: Step, database_id: str) -> None:
    """Upload a worker with its secrets and send it all traffic."""
    config = build_config(load_config(step.worker), environment=plan.environment, database_id=database_id)
    config["vars"] = {**step.values.vars, "DEPLOYED_COMMIT": plan.commit}
    if "kv_namespaces" in config:
        # wrangler would create them, and could not find them again after it was interrupted.
        config["kv_namespaces"] = [
            {**entry, "id": account.provide_namespace(title_of_namespace(config, entry["binding"]))}
            for entry in config["kv_namespaces"]
        ]
    options = ["--tag", step.tag, "--message", f"commit {plan.commit}"]
    if "migrations" in config:
        # Otherwise Cloudflare replaces running objects within five minutes.
        options += ["--durable-objects-code-update-mode", "immediate"]
    with written_config(step.worker, config, environment=plan.environment) as path:
        run_wrangler(account, "deploy", *options, config=path, secrets=step.values.secrets)


def try_workers(account: Account, steps: Sequence[Step], database_id: str, *, show: Print) -> dict[str, str]:
    """Try each public worker and return what is wrong, by name."""
    failed: dict[str, str] = {}
    with temporary_key(AccountDatabase(account, database_id)) as key:
        for step in steps:
            if step.url is None:
                continue
            try:
                warnings = try_worker(step.url, key)
            except SmokeError as error:
                failed[step.name] = str(error)
                show(f"{step.name} does not work: {error}")
            else:
                show(f"{step.name} works{''.join(f'; {warning}' for warning in warnings)}")
    return failed


def go_back(account: Account, deployed: Sequence[Step], *, show: Print) -> list[str]:
    """Put what was live before back, the last one first. Return the names of the Workers."""
    names = []
    for step in reversed(deployed):
        if step.live is None:
            show(f"{step.name} was new, so there is nothing to go back to: it stays")
            continue
        account.put_live(step.name, step.live, message="a deployment failed")
        show(f"{step.name} went back to version {step.live.id}")
        names.append(step.name)
    return names


def roll_back(account: Account, environment: str, workers: Sequence[Worker], *, show: Print) -> int:
    """Put the last version live whose code or settings differ; return how many Workers could not go back."""
    failures = 0
    for worker in workers:
        name = build_config(load_config(worker), environment=environment, database_id=None)["name"]
        history = account.list_history(name)
        earlier = next((version for version in history[1:] if version.tag != history[0].tag), None)
        if earlier is None:
            show(f"{name}: there is no other version to go back to")
            failures += 1
            continue
        account.put_live(name, earlier, message="rollback")
        show(f"{name}: went back to version {earlier.id}")
    return failures


def print_line(text: str) -> None:
    """Print a line of progress."""
    print(f"deploy: {text}", file=sys.stderr, flush=True)
