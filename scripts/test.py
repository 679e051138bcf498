"""`npm test`: install what is missing, then run every test but those that need copies or deployments of their own.

Without arguments the tests run in two processes. Arguments go to pytest, which then runs in one: `npm test -- -k
stream`. `npm run test:full` runs the others (the marker `full`).
"""

import os
import subprocess
import sys
import time

import setup

STARTED = time.time()
TWO_PROCESSES = ("-n", "2")
FULL = "--full"


def main() -> int:
    """Run pytest and return its exit status."""
    arguments = [argument for argument in sys.argv[1:] if argument != FULL]
    selected = "full" if FULL in sys.argv[1:] else "not full"
    command = [str(setup.PYTHON), "-m", "pytest", "-m", selected, *(arguments or TWO_PROCESSES)]
    # tests/report.py counts from here.
    environment = {**os.environ, "TESTS_STARTED_AT": str(STARTED)}
    return subprocess.run(command, cwd=setup.ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    setup.run_script(main)
