"""Run a script of this folder with a Python that is new enough: `python3 scripts/run.py start [arguments]`.

The npm commands go through here, because `python3` is older than the project needs on some systems (macOS has 3.9).
Therefore this file alone must also run on an old Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWEST_MINOR = 20


def main() -> None:
    """Replace this process by the script's, or exit with one line that says what is missing."""
    if os.name == "nt":
        sys.exit("setup: Windows itself is not supported; run this in WSL: https://learn.microsoft.com/windows/wsl")
    python = find_python()
    if python is None:
        version = sys.version.split()[0]
        sys.exit(
            f"setup: Python 3.11 or later is needed; this is {version} ({sys.executable}), and PATH has no later one"
        )
    script = Path(__file__).with_name(f"{sys.argv[1]}.py")
    os.execv(python, [python, str(script), *sys.argv[2:]])  # noqa: S606  # a shell would change the arguments


def find_python() -> str | None:
    """Return the path of this Python if it is new enough, else of the latest one on PATH, if there is one."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1):
        path = shutil.which(f"python3.{minor}")
        # pyenv has a command for each version that it knows, and it fails unless that version is selected.
        if path is not None and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return None


if __name__ == "__main__":
    main()
