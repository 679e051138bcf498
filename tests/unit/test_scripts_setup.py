"""What set-up says when it cannot."""

import subprocess
import sys
from pathlib import Path

SETUP = Path(__file__).parents[2] / "scripts" / "setup.py"


def test_setup_when_node_is_missing_then_one_line_says_so(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(SETUP)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert result.stderr == "setup: Node 20 or later with npm is needed and was not found on PATH: https://nodejs.org\n"
