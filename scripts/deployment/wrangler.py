"""wrangler's commands on the account."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from deployment.account import Account
from setup import NODE, ROOT, SetupError, environment

_WRANGLER = ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"
_SHOWN_LINES = 15
_SHORTEST_SECRET = 6
_NOT_PASSED = {"CLOUDFLARE_ENV"}
"""It would choose an `[env.NAME]` of the configuration, and there is none."""


class WranglerError(SetupError):
    """A command of wrangler that failed, with the end of what it printed."""


def run_wrangler(account: Account, *arguments: str, config: Path, secrets: Mapping[str, str] | None = None) -> str:
    """Run a command in the folder of its configuration and return its output. Raises `SetupError`.

    Secrets are passed through a pipe, so that they are never on disk.
    """
    command = [str(NODE), str(_WRANGLER), *arguments, "--config", config.name]
    if secrets:
        command += ["--secrets-file", "/dev/stdin"]
    inherited = {name: value for name, value in environment().items() if name not in _NOT_PASSED}
    result = subprocess.run(
        command,
        cwd=config.parent,
        env={**inherited, **account.environment()},
        input=json.dumps(secrets) if secrets else "",
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        output = mask(result.stdout + result.stderr, [account.token, *(secrets or {}).values()])
        lines = [line for line in output.strip().splitlines() if line.strip()]
        problem = "\n".join(f"    {line}" for line in lines[-_SHOWN_LINES:])
        raise WranglerError(f"`wrangler {' '.join(arguments[:2])}` failed in {config.parent.name}:\n{problem}")
    return result.stdout


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return the text with asterisks in the place of each secret of at least six characters."""
    for secret in sorted((each for each in secrets if len(each) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
