"""Brings a fresh checkout to where everything runs, and does nothing where that has been done already.

Needs Python 3.11 or later with venv, Node 20 or later, npm, and on the first run npm's and Python's package
registries. What is installed where: `node_modules/` (wrangler, miniflare, workerd, Pyodide, and a Node new enough for
them), `.venv/` (the Python tools, by `requirements.lock`), `.cache/` (the workers' dependencies, the Pyodide bundle).

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
NODE = ROOT / "node_modules" / ".bin" / "node"
STAMPS = ROOT / ".cache" / "setup"

_SHOWN_LINES = 12
_OFFLINE = (
    "ENOTFOUND",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "ENETUNREACH",
    "name resolution",
    "NewConnection",
    "Cannot connect to",
)


class SetupError(Exception):
    """What is missing, and what to do about it, in one line."""


def set_up() -> None:
    """Installs what is missing. Raises `SetupError`."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the machine's own Python may be older than the project's
        raise SetupError(f"Python 3.11 or later is needed; this is {sys.version.split()[0]} ({sys.executable})")
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise SetupError("Node 20 or later with npm is needed and was not found on PATH: https://nodejs.org")
    _once("npm packages", ["package-lock.json", "package.json"], _install_npm_packages, made=NODE)
    _once("Python packages", ["requirements.lock"], _install_python_packages, made=PYTHON)
    vendor = [str(PYTHON), str(ROOT / "scripts" / "vendor.py")]
    _run(vendor, problem="the workers' dependencies could not be installed")
    bundle = [str(PYTHON), str(ROOT / "wrangler" / "pyodide_bundle.py")]
    _run(bundle, problem="the Pyodide bundle could not be assembled")


def environment() -> dict[str, str]:
    """The environment for what the project starts: its own Node first on PATH, and no telemetry."""
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", "")])
    quiet = {"WRANGLER_SEND_METRICS": "false", "WRANGLER_HIDE_BANNER": "true", "CI": os.environ.get("CI", "")}
    return {**os.environ, **quiet, "PATH": path}


def _once(title: str, inputs: list[str], install: Callable[[], None], *, made: Path) -> None:
    """Runs `install` unless it has been run for the same inputs and what it made is still there."""
    content = b"".join((ROOT / name).read_bytes() for name in inputs) + sys.version.encode()
    stamp = STAMPS / f"{title.replace(' ', '-')}-{hashlib.sha256(content).hexdigest()[:16]}"
    if stamp.exists() and made.exists():
        return
    print(f"setup: installing {title} ...", flush=True)
    started = time.monotonic()
    install()
    if not made.exists():
        raise SetupError(
            f"{made.relative_to(ROOT)} is still missing after installing {title}; delete node_modules and retry"
        )
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    print(f"setup: {title} installed in {time.monotonic() - started:.0f} s", flush=True)


def _install_npm_packages() -> None:
    # Not `npm ci`: it refuses a lock file that lacks the binaries of a platform which the registry does not carry.
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(command, problem="npm could not install the packages")


def _install_python_packages() -> None:
    if not PYTHON.exists():
        command = [sys.executable, "-m", "venv", str(ROOT / ".venv")]
        _run(command, problem="no virtual environment could be made (on Debian: apt install python3-venv)")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    _run([*pip, "-r", str(ROOT / "requirements.lock")], problem="pip could not install the packages")


def _run(command: list[str], *, problem: str) -> None:
    """Runs a step; its words are shown only when it fails, and the last line says what to do."""
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    output = result.stdout + result.stderr
    sys.stderr.write("\n".join(output.strip().splitlines()[-_SHOWN_LINES:]) + "\n")
    hint = ": the package registry cannot be reached (offline?)" if any(word in output for word in _OFFLINE) else ""
    raise SetupError(problem + hint)


def run_script(main: Callable[[], int]) -> None:
    """Sets up, runs `main` and exits with its status; a `SetupError` becomes one line, Ctrl-C an exit with 130."""
    try:
        set_up()
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"setup: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run_script(lambda: print("setup: ready") or 0)
