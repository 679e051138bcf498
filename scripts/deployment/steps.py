"""Carry out a plan. Each step can be repeated, so a deployment that was interrupted is finished by the next one."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from deployment.account import Account
from deployment.configs import (
    build_config,
    load_config,
    remove_written_configs,
    title_of_namespace,
    written_config,
)
from deployment.database import AccountDatabase
from deployment.plan import WITHOUT_LOADER, WITHOUT_TRIGGER, Plan, Step
from deployment.rollback import go_back
from deployment.smoke import SmokeError, temporary_key, try_worker
from deployment.wrangler import WranglerError, run_wrangler
from platform_workers import find_workers
from setup import SetupError

Print = Callable[[str], None]

# What Cloudflare's API says of a Worker Loader on the free plan: https://github.com/cloudflare/workers-sdk/issues/13264
# and, before April 2026, https://github.com/cloudflare/workers-sdk/issues/13235.
_NO_LOADER = re.compile(r"code: 10195|type worker_loader is invalid")

# The account has as many Cron Triggers as its plan allows, which shows after the upload. Without `triggers` wrangler
# leaves the schedules alone: https://github.com/cloudflare/workers-sdk/issues/15194
_NO_TRIGGER = re.compile(r"code: 10072|too_many_crons")


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
    remove_written_configs(plan.environment)
    if plan.database_id is None:
        show(f"creating the D1 database {plan.database}")
        plan = replace(plan, database_id=account.create_database(plan.database))
    database_id = plan.database_id or ""
    if plan.migrations:
        show(f"applying {len(plan.migrations)} migrations")
        apply_migrations(account, plan, database_id)
    outcome = Outcome()
    for step in plan.steps:
        if not step.is_change:
            continue
        show(f"deploying {step.name}")
        try:
            deploy_worker(account, plan, step, database_id, show=show)
        except SetupError as error:
            outcome.failed[step.name] = str(error)
            if _is_replaced(account, step):  # it failed after the upload
                outcome.deployed.append(step)
            break
        outcome.deployed.append(step)
    else:
        outcome.failed |= try_workers(account, plan, outcome.deployed, database_id, show=show)
    if outcome.failed:
        outcome.went_back = go_back(account, outcome.deployed, show=show)
    return outcome


def apply_migrations(account: Account, plan: Plan, database_id: str) -> None:
    """Apply the migrations that the database lacks."""
    worker = next(worker for worker in find_workers() if "d1_databases" in load_config(worker))
    config = build_config(load_config(worker), environment=plan.environment, database_id=database_id)
    with written_config(worker, config, environment=plan.environment) as path:
        run_wrangler(account, "d1", "migrations", "apply", plan.database, "--remote", config=path)


def deploy_worker(account: Account, plan: Plan, step: Step, database_id: str, *, show: Print) -> None:
    """Upload a worker with its secrets and send it all traffic; without what the account's plan has no room for."""
    config = build_config(load_config(step.worker), environment=plan.environment, database_id=database_id)
    config["vars"] = {**step.values.vars, "DEPLOYED_COMMIT": plan.commit}
    if "kv_namespaces" in config:
        # wrangler would create them, and could not find them again after it was interrupted.
        config["kv_namespaces"] = [
            {**entry, "id": account.provide_namespace(title_of_namespace(config, entry["binding"]))}
            for entry in config["kv_namespaces"]
        ]
    tag = step.tag
    while True:
        options = ["--tag", tag, "--message", f"commit {plan.commit}"]
        if "migrations" in config:
            # Otherwise Cloudflare replaces running objects within five minutes.
            options += ["--durable-objects-code-update-mode", "immediate"]
        try:
            with written_config(step.worker, config, environment=plan.environment) as path:
                run_wrangler(account, "deploy", *options, config=path, secrets=step.values.secrets)
        except WranglerError as error:
            if "worker_loaders" in config and _NO_LOADER.search(str(error)):
                del config["worker_loaders"]
                tag += WITHOUT_LOADER
                show(f"{step.name} is deployed without its Worker Loader, which needs the paid Workers plan")
            elif "triggers" in config and _NO_TRIGGER.search(str(error)):
                del config["triggers"]
                tag += WITHOUT_TRIGGER
                show(f"{step.name} is deployed without its Cron Trigger: the account has no room for one more")
            else:
                raise
        else:
            return


def try_workers(
    account: Account, plan: Plan, deployed: Sequence[Step], database_id: str, *, show: Print
) -> dict[str, str]:
    """Try each public worker and return what is wrong, by name."""
    failed: dict[str, str] = {}
    try:
        with temporary_key(AccountDatabase(account, database_id)) as key:
            for step in plan.steps:
                if step.url is None:
                    continue
                try:
                    warnings = try_worker(step.url, key, commit=plan.commit if step in deployed else None)
                except SmokeError as error:
                    failed[step.name] = str(error)
                    show(f"{step.name} does not work: {error}")
                    if step not in deployed:
                        command = f"npm run deploy -- rollback {step.worker.name} --env {plan.environment}"
                        show(f"{step.name} was deployed by an earlier run; `{command}` goes back to the version before")
                else:
                    show(f"{step.name} works{''.join(f'; {warning}' for warning in warnings)}")
    except SetupError as error:
        failed |= {step.name: f"it could not be tried: {error}" for step in deployed or plan.steps}
    return failed


def _is_replaced(account: Account, step: Step) -> bool:
    try:
        return account.find_live(step.name) != step.live
    except SetupError:  # it is not known, and going back to what is live already does no harm
        return True


def print_line(text: str) -> None:
    """Print a line of progress."""
    print(f"deploy: {text}", file=sys.stderr, flush=True)
