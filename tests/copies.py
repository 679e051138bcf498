"""Copies of this repository as git would clone it, with what is installed here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from setup import ROOT, environment, set_up

INSTALLED = (".venv", "node_modules", ".cache")

_GIT = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def copy_repository(target: Path) -> Path:
    """Make `target` a repository whose one commit has every file here that git does not ignore; return it."""
    # An installation in the copy would write through the links.
    set_up()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for name in INSTALLED:
        (target / name).symlink_to(ROOT / name)
    subprocess.run([*_GIT, "init", "--quiet", "--initial-branch=main"], cwd=target, check=True)
    # .gitignore names folders; a link is a file.
    (target / ".git" / "info" / "exclude").write_text("".join(f"/{name}\n" for name in INSTALLED))
    subprocess.run([*_GIT, "add", "--all"], cwd=target, check=True)
    subprocess.run([*_GIT, "commit", "--quiet", "--message", "A copy"], cwd=target, check=True)
    return target


def run_in(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the project in a copy; return what it printed."""
    return subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
