"""`npm test`: install what is missing, then run all tests but those that need copies or running workers of their own.

Without arguments they run in three processes (tests/scheduling.py). Arguments go to pytest, which then runs in one:
`npm test -- -k stream`. `npm run test:full` runs the tests that are left out, those with the marker `full`.
"""

import os
import subprocess
import sys
import time

import setup

STARTED = time.time()
FULL = "--full"


def main() -> int:
    """Run pytest and return its exit status."""
    is_full = FULL in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != FULL]
    if not is_full and not arguments:
        arguments = ["-n", "3"]
    command = [str(setup.PYTHON), "-m", "pytest", "-m", "full" if is_full else "not full", *arguments]
    # tests/report.py counts from here, so that set-up is part of the time.
    environment = {**os.environ, "TESTS_STARTED_AT": str(STARTED)}
    return subprocess.run(command, cwd=setup.ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    setup.run_script(main)
