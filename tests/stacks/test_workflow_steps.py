"""The commands of ci.yml, but the tests themselves, run in a fresh clone as GitHub runs them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from setup import environment
from tests.copies import copy_repository
from tests.workflows import WORKFLOWS, load, run_steps

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

TESTS = {"npm test", "npm run test:full"}
STEPS = {step["run"]: step for job in load(WORKFLOWS["ci"])["jobs"] for step in run_steps("ci", job)}
"""By their commands: those of macOS are those of Linux."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("clone"))


@pytest.mark.parametrize(
    "step", [step for command, step in STEPS.items() if command not in TESTS], ids=lambda step: step["name"][:50]
)
def test_step_when_run_in_a_fresh_clone_then_it_succeeds(clone: Path, tmp_path: Path, step: dict[str, Any]) -> None:
    summary = tmp_path / "summary.md"
    summary.touch()

    result = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=clone,
        env={**environment(), "CI": "true", "GITHUB_STEP_SUMMARY": str(summary)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-3000:]
    if "GITHUB_STEP_SUMMARY" in step["run"]:
        assert "| text-gen" in summary.read_text()
