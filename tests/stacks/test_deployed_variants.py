"""The variants of each worker as deployments of their own: the same tests as with settings from a header.

`npm test` has one isolate serve all variants of a worker (tests/workers/entry_with_settings.py). This proves that it
serves them as deployments with these vars do.
"""

import subprocess
from pathlib import Path

import pytest

from setup import PYTHON, ROOT
from tests.variants import VARIANTS

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

TESTS = Path(__file__).parents[1] / "workers"
WORKERS = sorted({variant.worker for variant in VARIANTS.values()})


def find_tests(worker: str) -> list[str]:
    """Return the files that are about the worker, or name one of its variants."""
    names = [name for name, variant in VARIANTS.items() if variant.worker == worker]
    wanted = [part for name in names for part in (name, "{worker}" + name.removeprefix(worker))]
    return [
        str(file)
        for file in sorted(TESTS.glob("test_*.py"))
        if worker.replace("-", "_") in file.name or any(part in file.read_text() for part in wanted)
    ]


@pytest.mark.parametrize("worker", WORKERS)
def test_variants_pass_their_tests_as_deployments(worker: str) -> None:
    command = [str(PYTHON), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--deployed", worker, *find_tests(worker)]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout[-10_000:] + result.stderr
