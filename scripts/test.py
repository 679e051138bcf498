"""`npm test`: set up what is missing, then run every test. Arguments go to pytest: `npm test -- -k stream`."""

import subprocess
import sys

import setup


def main() -> int:
    """Run pytest; return its exit status."""
    return subprocess.run([str(setup.PYTHON), "-m", "pytest", *sys.argv[1:]], cwd=setup.ROOT, check=False).returncode


if __name__ == "__main__":
    setup.run_script(main)
