"""The vars and secrets of a deployment, and which of them a worker gets.

They come from the file of the environment (`.staging.vars`, `.prod.vars`, or the one that `--secrets` names); secrets
and credentials that it lacks from the process environment. The token that deploys is never one of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import local
from deployment.account import Account
from platform_workers import find_workers
from setup import PYTHON, ROOT, SetupError

FILES = {"staging": ".staging.vars", "production": ".prod.vars"}

SANDBOX_TOKEN = "SANDBOX_CLOUDFLARE_API_TOKEN"  # noqa: S105  # the name of a variable
"""The environment variable with sandbox-executor's own token; the file calls it CLOUDFLARE_API_TOKEN."""

_OF_THE_DEPLOYMENT = {"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_BASE_URL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a worker reads: all names, those whose values are secret, and those that its providers need."""

    settings: tuple[str, ...]
    secrets: frozenset[str]
    credentials: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What one worker is deployed with."""

    vars: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)


@cache
def load_declared(worker: str) -> Declared:
    """Return what a worker reads. Raises `SetupError`."""
    command = [str(PYTHON), str(ROOT / "scripts" / "deployment" / "declared.py"), worker]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SetupError(f"the settings of {worker} cannot be read: {result.stderr.strip().splitlines()[-1]}")
    found = json.loads(result.stdout)
    return Declared(
        settings=tuple(found["settings"]),
        secrets=frozenset(found["secrets"]),
        credentials=frozenset(found["credentials"]),
    )


def load_values(
    environment: str, *, file: Path | None, account: Account, process: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return all values by name. Raises `SetupError` for a named file that does not exist."""
    if file is not None and not file.is_file():
        raise SetupError(f"There is no file {file}; it has a line NAME=value for each setting")
    # Only these: a shell may have AUTH_MODE or LOG_FORMAT for a local run.
    names = {name for worker in _workers() for name in _confidential(worker)} - _OF_THE_DEPLOYMENT
    found = {name: process[name] for name in names if process.get(name)}
    if process.get(SANDBOX_TOKEN):
        found |= {"CLOUDFLARE_API_TOKEN": process[SANDBOX_TOKEN], "CLOUDFLARE_ACCOUNT_ID": account.id}
    found |= local.read_dev_vars(file or ROOT / FILES[environment])
    return {**_emulated(account), **found} if account.is_emulated else found


def find_unread(environment: str, *, file: Path | None) -> list[str]:
    """Return the names in the file of an environment that no worker reads, such as mistyped ones."""
    read = {name for worker in _workers() for name in load_declared(worker).settings}
    return sorted(local.read_dev_vars(file or ROOT / FILES[environment]).keys() - read)


def choose_values(worker: str, config: Mapping[str, Any], values: Mapping[str, str]) -> Values:
    """Return what one worker gets: a name in its `[vars]` is a var, any other that it reads is stored as a secret."""
    read = {name: values[name] for name in load_declared(worker).settings if name in values}
    vars_ = {**config.get("vars", {})}
    return Values(
        vars={**vars_, **{name: value for name, value in read.items() if name in vars_}},
        secrets={name: value for name, value in read.items() if name not in vars_},
    )


def _workers() -> list[str]:
    return [worker.name for worker in find_workers() if worker.package is not None]


def _confidential(worker: str) -> frozenset[str]:
    declared = load_declared(worker)
    return declared.secrets | declared.credentials


def _emulated(account: Account) -> dict[str, str]:
    """Return the values that send calls to the emulators beside the emulated Cloudflare."""
    with urllib.request.urlopen(urljoin(account.base_url, "/"), timeout=10) as response:  # noqa: S310  # loopback
        base_urls = json.load(response)["base_urls"]
    return {**local.emulated_vars(base_urls), **local.LOCAL_VARS, "AUTH_MODE": "required", "LOCAL_RUN": "false"}
