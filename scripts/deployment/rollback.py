"""Put earlier versions of Workers live again: those before a failed deployment, or on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deployment.account import Account, Version
from deployment.configs import build_config, load_config
from deployment.plan import Step
from platform_workers import Worker
from setup import SetupError

FAILED, REQUESTED = "a deployment failed", "rollback"
"""The messages of deployments that withdraw a version."""


def go_back(account: Account, deployed: Sequence[Step], *, show: Callable[[str], None]) -> list[str]:
    """Put what was live before back, the last one first. Return the names of the Workers that went back."""
    names = []
    for step in reversed(deployed):
        if step.live is None:
            show(f"{step.name} was new, so there is nothing to go back to: it stays")
            continue
        try:
            account.put_live(step.name, step.live, message=FAILED)
        except SetupError as error:
            show(f"{step.name} could not go back to version {step.live.id}: {error}")
            continue
        show(f"{step.name} went back to version {step.live.id}")
        names.append(step.name)
    return names


def roll_back(account: Account, environment: str, workers: Sequence[Worker], *, show: Callable[[str], None]) -> int:
    """Put the version before live again, worker by worker; return how many Workers could not go back."""
    failures = 0
    for worker in workers:
        name = build_config(load_config(worker), environment=environment, database_id=None)["name"]
        earlier = choose_earlier(account.list_history(name, withdrawing=(FAILED, REQUESTED)))
        if earlier is None:
            show(f"{name}: there is no other version to go back to")
            failures += 1
            continue
        try:
            account.put_live(name, earlier, message=REQUESTED)
        except SetupError as error:
            show(f"{name}: cannot go back to version {earlier.id}: {error}")
            failures += 1
        else:
            show(f"{name}: went back to version {earlier.id}")
    return failures


def choose_earlier(history: Sequence[Version]) -> Version | None:
    """Return the newest version that is older than the present one, the first of `history`, and has other code.

    Versions from which a deployment or a person went back are left out.
    """
    if not history:
        return None
    present, *others = history
    older = [version for version in others if version.number < present.number and not version.is_withdrawn]
    code = _code_of(present, history)
    return max(
        (version for version in older if _code_of(version, history) != code),
        key=lambda version: version.number,
        default=None,
    )


def _code_of(version: Version, history: Sequence[Version]) -> str:
    """Return what identifies the version's code: for one that only changed secrets, that of the version before it."""
    while version.is_secret_change:
        before = [other for other in history if other.number < version.number]
        if not before:
            break
        version = max(before, key=lambda other: other.number)
    return version.tag or version.id
