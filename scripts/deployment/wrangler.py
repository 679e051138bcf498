"""wrangler's commands on the account."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deployment.account import Account
from setup import NODE, ROOT, SetupError, environment

_WRANGLER = ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"
_SHOWN_LINES = 15


def run_wrangler(account: Account, *arguments: str, config: Path, secrets: Mapping[str, str] | None = None) -> str:
    """Run a command in the folder of its configuration and return its output. Raises `SetupError`.

    Secrets are passed through a pipe, so that they are never on disk.
    """
    command = [str(NODE), str(_WRANGLER), *arguments, "--config", config.name]
    if secrets:
        command += ["--secrets-file", "/dev/stdin"]
    result = subprocess.run(
        command,
        cwd=config.parent,
        env={**environment(), **account.environment()},
        input=json.dumps(secrets) if secrets else "",
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        lines = [line for line in (result.stdout + result.stderr).strip().splitlines() if line.strip()]
        problem = "\n".join(f"    {line}" for line in lines[-_SHOWN_LINES:])
        raise SetupError(f"`wrangler {' '.join(arguments[:2])}` failed in {config.parent.name}:\n{problem}")
    return result.stdout
