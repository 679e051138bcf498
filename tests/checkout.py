"""Copies of this repository, in which a test can run its commands and change files."""

import shutil
import subprocess
from pathlib import Path

from setup import ROOT

_INSTALLED = (".venv", "node_modules", ".cache")


def copy_repository(root: Path) -> Path:
    """Copy to the folder `root` what git would check out, with links to what is installed; return the folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    for name in _INSTALLED:
        (root / name).symlink_to(ROOT / name)
    return root
