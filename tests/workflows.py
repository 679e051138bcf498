"""GitHub's workflows and the composite actions of this repository, as their files say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from setup import ROOT

SELF = "$/"
"""The prefix of an action of this repository at the commit that runs
(https://github.blog/changelog/2026-07-30-reference-same-repository-actions-with-self-repository-syntax/)."""

WORKFLOWS = {path.stem: path for path in sorted(ROOT.glob(".github/workflows/*.yml"))}
ACTIONS = {path.parent.name: path for path in sorted(ROOT.glob(".github/actions/*/action.yml"))}


def load(path: Path) -> dict[str, Any]:
    """Read a file as YAML 1.2, in which `on` is not a boolean."""
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return content


def steps_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a composite action, or of all jobs of a workflow."""
    if "runs" in content:
        return list(content["runs"]["steps"])
    return [step for job in content["jobs"].values() for step in job.get("steps", [])]


def run_steps(workflow: str, job: str) -> Iterator[dict[str, Any]]:
    """Yield the steps of a job that run a command, those of this repository's own actions in their place."""
    for step in load(WORKFLOWS[workflow])["jobs"][job]["steps"]:
        if "run" in step:
            yield step
        elif step["uses"].startswith(SELF):
            action = load(ROOT / step["uses"].removeprefix(SELF) / "action.yml")
            yield from (inner for inner in steps_of(action) if "run" in inner)
