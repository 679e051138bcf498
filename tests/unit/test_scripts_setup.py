"""What set-up installs, when it installs again, and its errors."""

import fcntl
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import setup
from progress import Progress

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "scripts" / "setup.py"


class Installer:
    """An installation that counts how often it runs."""

    def __init__(self, folder: Path) -> None:
        self.made = folder / "tool"
        self.stamps = folder / "stamps"
        self.count = 0
        self.output = io.StringIO()

    def install(self) -> None:
        self.count += 1
        self.made.touch()

    def run_once(self, stamp: str, install: Callable[[], None] | None = None) -> None:
        progress = Progress("setup", stream=self.output)
        setup.install_once(
            "tools", install or self.install, stamp=stamp, made=self.made, progress=progress, stamps=self.stamps
        )


@pytest.fixture
def installer(tmp_path: Path) -> Installer:
    return Installer(tmp_path)


def test_setup_when_node_is_missing_then_one_error_line(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(SETUP)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert result.stderr == "setup: Node 20 or later with npm is needed and was not found on PATH: https://nodejs.org\n"


def test_install_when_nothing_has_changed_then_not_again(installer: Installer) -> None:
    installer.run_once("a")
    installer.run_once("a")

    assert installer.count == 1
    assert installer.output.getvalue() == "setup: installing tools ...\nsetup: tools installed in 0 s\n"


def test_install_when_the_stamp_changes_then_again(installer: Installer) -> None:
    for stamp in ("a", "b", "a"):
        installer.run_once(stamp)

    assert installer.count == 3


def test_install_when_the_result_is_missing_then_again(installer: Installer) -> None:
    installer.run_once("a")
    installer.made.unlink()
    installer.run_once("a")

    assert installer.count == 2


def test_install_when_it_was_interrupted_then_again(installer: Installer) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    installer.run_once("a")
    with pytest.raises(KeyboardInterrupt):
        installer.run_once("b", fail)
    installer.run_once("a")

    assert installer.count == 2


def test_install_when_it_creates_nothing_then_platforms_named(installer: Installer) -> None:
    with pytest.raises(setup.SetupError, match="tool is still missing after installing tools; the platforms are Linux"):
        installer.run_once("a", lambda: None)


def test_install_when_another_process_installs_then_it_waits(installer: Installer) -> None:
    installer.stamps.mkdir()
    with (installer.stamps / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=installer.run_once, args=["a"])
        waiting.start()
        deadline = time.monotonic() + 10
        while "waiting for another set-up" not in installer.output.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        installer.made.touch()
        (installer.stamps / "tools").write_text("a")
    waiting.join()

    assert installer.count == 0
    assert installer.output.getvalue() == "setup: waiting for another set-up of this folder ...\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Create a checkout of a project without packages, and the commands `node` and `npm` for it."""
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    for name in ("setup.py", "progress.py"):
        (folder / "scripts" / name).write_text((SETUP.parent / name).read_text())
    for name in ("scripts/vendor.py", "wrangler/pyodide_bundle.py", "requirements.lock", "package-lock.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "package.json").write_text("{}")
    write_command(tmp_path / "bin" / "node", "echo v20.0.0")
    write_command(
        tmp_path / "bin" / "npm", 'mkdir -p node_modules/.bin && touch node_modules/.bin/node && echo "$@" > npm'
    )
    return folder


def write_command(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run_setup(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{checkout.parent / 'bin'}:/usr/bin:/bin"}
    command = [sys.executable, "scripts/setup.py"]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.full
def test_setup_when_run_first_then_it_announces_time_and_size(checkout: Path) -> None:
    first, second = run_setup(checkout), run_setup(checkout)

    # A busy machine may take long enough for lines that say so.
    lines = [line for line in first.stdout.splitlines() if not line.endswith(" s so far")]
    assert lines[0] == f"setup: {setup.FIRST_RUN}"
    assert [line.split(" in ")[0] for line in lines[1:]] == [
        "setup: installing npm packages ...",
        "setup: npm packages installed",
        "setup: installing Python packages ...",
        "setup: Python packages installed",
        "setup: ready",
    ]
    assert (checkout / "npm").read_text().startswith("ci --include=dev --include=optional ")
    assert (second.stdout, second.stderr, second.returncode) == ("setup: ready\n", "", 0)


def test_setup_when_node_is_too_old_then_the_versions_are_named(checkout: Path) -> None:
    write_command(checkout.parent / "bin" / "node", "echo v18.20.1")

    result = run_setup(checkout)

    assert result.returncode == 1
    assert result.stderr == (
        "setup: Node 20 or later is needed; `node --version` prints 'v18.20.1': https://nodejs.org\n"
    )


def test_setup_when_npm_fails_then_its_output_and_likely_cause(checkout: Path) -> None:
    write_command(checkout.parent / "bin" / "npm", "echo npm error ENOTFOUND registry >&2; exit 1")

    result = run_setup(checkout)

    assert result.returncode == 1
    assert result.stderr == (
        "npm error ENOTFOUND registry\n"
        "setup: npm could not install the packages: the package registry cannot be reached (offline?)\n"
    )
