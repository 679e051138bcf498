"""Install what a fresh checkout lacks, and do nothing where that has been done.

Needs Python 3.11 or later with venv, Node 20 or later with npm, and on the first run npm's and Python's package
registries. What is installed where: `node_modules/` (wrangler, miniflare, workerd, Pyodide, and a Node new enough for
them, by `package-lock.json`), `.venv/` (the Python tools, by `requirements.lock`), `.cache/` (the workers'
dependencies, the Pyodide bundle). Every file that is needed is locked by its hash.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from progress import Progress

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
NODE = ROOT / "node_modules" / ".bin" / "node"
STAMPS = ROOT / ".cache" / "setup"

OLDEST_NODE = 20

FIRST_RUN = (
    "first run: installing about 1.6 GB into this folder (node_modules/, .venv/, .cache/, workers/*/python_modules/), "
    "which takes two to three minutes"
)

_NO_VENV = "the virtual environment could not be created (on Debian: apt install python3-venv)"
_QUIET_NPM = ("--no-audit", "--no-fund", "--loglevel=error")
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


def set_up(progress: Progress | None = None) -> None:
    """Install what is missing. Raises `SetupError`."""
    progress = progress or Progress("setup")
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise SetupError("Node 20 or later with npm is needed and was not found on PATH: https://nodejs.org")
    if not STAMPS.exists():
        progress.print_line(FIRST_RUN)
    machine = f"{sys.platform} {platform.machine()}"
    npm = hash_files("package.json", "package-lock.json", more=machine)
    install_once("npm packages", _install_npm_packages, stamp=npm, made=NODE, progress=progress)
    python = hash_files("requirements.lock", more=f"{machine} {sys.version}")
    install_once("Python packages", _install_python_packages, stamp=python, made=PYTHON, progress=progress)
    with progress.repeat("installing the workers' dependencies"):
        vendor = [str(PYTHON), str(ROOT / "scripts" / "vendor.py")]
        run_step(vendor, problem="the workers' dependencies could not be installed")
    with progress.repeat("assembling the Pyodide bundle"):
        bundle = [str(PYTHON), str(ROOT / "wrangler" / "pyodide_bundle.py")]
        run_step(bundle, problem="the Pyodide bundle could not be assembled")


def environment() -> dict[str, str]:
    """Return the environment for what the project starts: its own Node first on PATH, and no telemetry.

    Node keeps the compiled code of wrangler and miniflare, which halves the time until they are loaded.
    """
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", "")])
    quiet = {"WRANGLER_SEND_METRICS": "false", "WRANGLER_HIDE_BANNER": "true", "CI": os.environ.get("CI", "")}
    return {**os.environ, **quiet, "PATH": path, "NODE_COMPILE_CACHE": str(ROOT / ".cache" / "node")}


def hash_files(*names: str, more: str) -> str:
    """Return a hash of the contents of files of this checkout and of one string more."""
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in names) + more.encode()).hexdigest()


def install_once(
    title: str, install: Callable[[], None], *, stamp: str, made: Path, progress: Progress, stamps: Path = STAMPS
) -> None:
    """Run `install` unless its last run was for the same `stamp` and `made` still exists. Raises `SetupError`."""
    file = stamps / title.replace(" ", "-")

    def is_installed() -> bool:
        return made.exists() and file.exists() and file.read_text() == stamp

    if is_installed():
        return
    with _lock(stamps, progress):
        if is_installed():  # by the set-up that this one waited for
            return
        file.unlink(missing_ok=True)  # an interrupted installation must leave no stamp
        progress.print_line(f"installing {title} ...")
        started = time.monotonic()
        with progress.repeat(f"installing {title}"):
            install()
        if not made.exists():
            platforms = "the platforms are Linux (glibc) and macOS, on x64 and arm64"
            raise SetupError(f"{made} is still missing after installing {title}; {platforms}")
        file.write_text(stamp)
        progress.print_line(f"{title} installed in {time.monotonic() - started:.0f} s")


@contextmanager
def _lock(stamps: Path, progress: Progress) -> Iterator[None]:
    """Let one process at a time install: `npm ci` deletes what another one has just installed."""
    stamps.mkdir(parents=True, exist_ok=True)
    with (stamps / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.print_line("waiting for another set-up of this folder ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_environment(folder: Path, lock: Path, *, problem: str) -> None:
    """Make a new virtual environment with the packages of a lock file. Raises `SetupError`."""
    run_step([sys.executable, "-m", "venv", "--clear", str(folder)], problem=_NO_VENV)
    _install_locked(folder / "bin" / "python", lock, problem=problem)


def install_npm_folder(folder: Path, source: Path, *, problem: str) -> None:
    """Install the npm packages that `source` has locked into another folder. Raises `SetupError`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(source / name, folder)
    run_step(["npm", "ci", "--prefix", str(folder), *_QUIET_NPM], problem=problem)


def _install_npm_packages() -> None:
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = found.removeprefix("v").partition(".")[0]
    if not major.isdecimal() or int(major) < OLDEST_NODE:
        raise SetupError(
            f"Node {OLDEST_NODE} or later is needed; `node --version` prints {found!r}: https://nodejs.org"
        )
    # The first two options: NODE_ENV=production and npm's setting `omit` would leave out most of it.
    command = ["npm", "ci", "--include=dev", "--include=optional", *_QUIET_NPM]
    run_step(command, problem="npm could not install the packages")


def _install_python_packages() -> None:
    if not PYTHON.exists():
        run_step([sys.executable, "-m", "venv", str(ROOT / ".venv")], problem=_NO_VENV)
    _install_locked(PYTHON, ROOT / "requirements.lock", problem="pip could not install the packages")


def _install_locked(python: Path, lock: Path, *, problem: str) -> None:
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    run_step([*pip, "-r", str(lock)], problem=problem)


def run_step(command: list[str], *, problem: str) -> None:
    """Run a step. Its output is printed only if it fails; the last line says what to do. Raises `SetupError`."""
    result = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    output = result.stdout + result.stderr
    sys.stderr.write("\n".join(output.strip().splitlines()[-_SHOWN_LINES:]) + "\n")
    hint = ": the package registry cannot be reached (offline?)" if any(word in output for word in _OFFLINE) else ""
    raise SetupError(problem + hint)


def run_with_packages(*arguments: str) -> int:
    """Run the project's own Python, which has the packages that this one may lack; return its exit status."""
    return subprocess.run([PYTHON, *arguments], cwd=ROOT, check=False).returncode


def run_script(main: Callable[[], int], *, progress: Progress | None = None) -> None:
    """Set up, run `main` and exit with its status; a `SetupError` becomes one line, Ctrl-C an exit with 130."""
    try:
        set_up(progress)
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"setup: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run_script(lambda: print("setup: ready") or 0)
