"""`npm run deploy`: deploy the workers to your Cloudflare account, or change what is deployed.

    npm run deploy -- [WORKER...] [--env staging] [--dry-run] [--secrets FILE] [--force] [--yes] [--summary FILE]
    npm run deploy -- status | rollback [WORKER...] | undeploy [--delete-data]   (each with --env, --yes)

`CLOUDFLARE_API_TOKEN` names the account's token, `CLOUDFLARE_ACCOUNT_ID` the account if the token has several. With
`CLOUDFLARE_API_BASE_URL` the same works against the emulator. Without `--env` it is production.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import setup
from deployment.account import Account, read_account
from deployment.configs import ENVIRONMENTS, suffix_of
from deployment.plan import FIRST, Plan, choose_workers, make_plan
from deployment.removal import check_users, remove_data, remove_workers
from deployment.rollback import roll_back
from deployment.steps import Outcome, carry_out, print_line
from deployment.values import find_unread, load_values
from progress import Progress

ACTIONS = ("status", "rollback", "undeploy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = _parse(arguments)
    try:
        account = read_account()
        account.check_token()
        match options.action:
            case "status":
                return show_status(account, options)
            case "rollback":
                return go_back(account, options)
            case "undeploy":
                return undeploy(account, options)
        return deploy(account, options)
    except setup.SetupError as error:
        print_line(str(error))
        return 1


def deploy(account: Account, options: argparse.Namespace) -> int:
    """Show what would change, ask, deploy and try the result."""
    plan = _load_plan(account, options)
    print("\n".join(plan.describe()))
    if unread := find_unread(options.env, file=options.secrets):
        print_line(f"no worker reads {', '.join(unread)}: correct the name, or remove the line from the file")
    if options.dry_run:
        _write_summary(options, "\n".join(["```", *plan.describe(), "```", ""]))
        return 0
    if plan.is_change and not _is_confirmed(options, "Deploy this?"):
        print_line("nothing was changed")
        return 1
    outcome = carry_out(account, plan, show=print_line)
    print("\n".join(f"{step.name:<28}{step.url}" for step in plan.steps if step.url))
    _write_summary(options, render_summary(account, plan, outcome))
    if outcome.failed:
        for name, reason in outcome.failed.items():
            print_line(f"{name} failed: {reason}")
        print_line("correct it and run the same command again; `npm run logs -- WORKER` shows what a Worker says")
        return 1
    if not plan.is_change:
        print_line("nothing had to be changed")
    return 0


def show_status(account: Account, options: argparse.Namespace) -> int:
    """Print what is live and whether it is what this checkout has."""
    for step in _load_plan(account, options).steps:
        state = (
            "not deployed" if step.live is None else "differs from this checkout" if step.is_change else "up to date"
        )
        version = step.live.id if step.live else "-"
        print(f"{step.name:<28}{state:<28}{version:<38}{step.url or ''}".rstrip())
    return 0


def go_back(account: Account, options: argparse.Namespace) -> int:
    """Put the versions before live again; of the rate limiter only if it is named."""
    workers = [worker for worker in choose_workers(options.workers) if worker.name != FIRST or FIRST in options.workers]
    names = ", ".join(worker.name + suffix_of(options.env) for worker in workers)
    if not _is_confirmed(options, f"Put the versions before live again: {names}?"):
        print_line("nothing was changed")
        return 1
    lines: list[str] = []

    def show(text: str) -> None:
        print_line(text)
        lines.append(f"- {text}\n")

    failures = roll_back(account, options.env, workers, show=show)
    _write_summary(options, f"### Rollback of {options.env}\n\n{''.join(lines)}")
    return 1 if failures else 0


def undeploy(account: Account, options: argparse.Namespace) -> int:
    """Delete the Workers of an environment, with `--delete-data` also what they have stored."""
    workers = choose_workers([])
    check_users(account, options.env, workers)
    if not _is_confirmed(options, f"Delete all Workers of {options.env}?"):
        print_line("nothing was changed")
        return 1
    remove_workers(account, options.env, workers, show=print_line)
    if not options.delete_data:
        return 0
    print(
        f"This deletes the database, the files and the keys of {options.env} for good. Type its name: ",
        end="",
        flush=True,
    )
    if sys.stdin.readline().strip() != options.env:
        print_line("the data was kept")
        return 1
    remove_data(account, options.env, workers, show=print_line)
    return 0


def render_summary(account: Account, plan: Plan, outcome: Outcome) -> str:
    """Return a table of what is live, in Markdown."""
    rows = ["| worker | state | version | URL |", "|---|---|---|---|"]
    deployed = {step.name for step in outcome.deployed}
    for step in plan.steps:
        state = "failed" if step.name in outcome.failed else "deployed" if step.name in deployed else "unchanged"
        if step.name in outcome.went_back:
            state = "went back" if step.name not in outcome.failed else "failed, went back"
        live = account.find_live(step.name)
        rows.append(f"| {step.name} | {state} | {live.id if live else '-'} | {step.url or ''} |")
    return f"### {plan.environment}, commit {plan.commit}\n\n" + "\n".join(rows) + "\n"


def _write_summary(options: argparse.Namespace, text: str) -> None:
    if options.summary:
        with Path(options.summary).open("a", encoding="utf-8") as file:
            file.write(text)


def _load_plan(account: Account, options: argparse.Namespace) -> Plan:
    values = load_values(options.env, file=options.secrets, account=account)
    with Progress("deploy", stream=sys.stderr).repeat("comparing this checkout with the account"):
        forced = (options.workers or [worker.name for worker in choose_workers([])]) if options.force else []
        return make_plan(account, options.env, choose_workers(options.workers), values, forced=forced)


def _is_confirmed(options: argparse.Namespace, question: str) -> bool:
    if options.yes:
        return True
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="npm run deploy --", description="Deploy the workers to Cloudflare.")
    parser.add_argument(
        "words", nargs="*", metavar="WORKER", help="all without one; or first status, rollback, undeploy"
    )
    parser.add_argument("--env", choices=ENVIRONMENTS, default="production", help="where (default: production)")
    parser.add_argument("--dry-run", action="store_true", help="only show what would change")
    parser.add_argument("--secrets", type=Path, metavar="FILE", help="NAME=value lines (.staging.vars or .prod.vars)")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--summary", metavar="FILE", help="append what was done, in Markdown")
    parser.add_argument("--delete-data", action="store_true", help="with undeploy: also what the Workers have stored")
    parser.add_argument("--force", action="store_true", help="deploy also what has not changed")
    options = parser.parse_intermixed_args(arguments)
    options.action = options.words[0] if options.words and options.words[0] in ACTIONS else None
    options.workers = options.words[1:] if options.action else options.words
    if options.action == "undeploy" and options.workers:
        parser.error("undeploy takes no names: it deletes all Workers of an environment")
    if options.delete_data and options.action != "undeploy":
        parser.error("--delete-data belongs to undeploy")
    if options.action and (options.dry_run or options.force):
        parser.error(f"{options.action} has no --dry-run and no --force")
    return options


if __name__ == "__main__":
    setup.run_script(main, progress=Progress("setup", stream=sys.stderr))
