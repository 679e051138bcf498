"""What GitHub's workflows may do, on which events they do it, and which commands they run."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from setup import PYTHON, ROOT
from tests.workflows import ACTIONS, SELF, WORKFLOWS, load, run_steps, steps_of

EVERY_FILE = pytest.mark.parametrize(
    "path", [*WORKFLOWS.values(), *ACTIONS.values()], ids=lambda path: str(path.parent.name + "/" + path.name)
)
JOBS = [(name, job) for name, path in WORKFLOWS.items() for job in load(path)["jobs"]]
EVERY_JOB = pytest.mark.parametrize(("workflow", "job"), JOBS)
_PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
_LOCAL = re.compile(r"uses: \$/\.github/(actions/[\w-]+|workflows/[\w-]+\.yml)$")


def job_of(workflow: str, job: str) -> dict[str, Any]:
    found: dict[str, Any] = load(WORKFLOWS[workflow])["jobs"][job]
    return found


@EVERY_FILE
def test_action_when_used_then_pinned_by_a_commit(path: Path) -> None:
    lines = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses: " in line]

    assert [line for line in lines if not _PINNED.match(line) and not _LOCAL.match(line)] == []
    for line in lines:
        if _LOCAL.match(line):
            named = ROOT / line.removeprefix(f"uses: {SELF}")
            assert named.is_file() or (named / "action.yml").is_file()


def test_action_when_used_twice_then_at_one_commit() -> None:
    text = "".join(path.read_text() for path in (*WORKFLOWS.values(), *ACTIONS.values()))
    pins = set(re.findall(r"uses: ([\w./-]+)@(\S+)", text))

    assert len(pins) == len({name for name, _ in pins})


@EVERY_JOB
def test_job_when_it_runs_then_it_may_only_read(workflow: str, job: str) -> None:
    assert load(WORKFLOWS[workflow])["permissions"] == {}
    assert job_of(workflow, job)["permissions"] == {"contents": "read"}


@EVERY_JOB
def test_job_when_it_hangs_then_it_is_ended(workflow: str, job: str) -> None:
    content = job_of(workflow, job)

    assert content.get("timeout-minutes", 0) > 0 or "uses" in content


@EVERY_FILE
def test_checkout_when_done_then_no_token_stays(path: Path) -> None:
    steps = [step for step in steps_of(load(path)) if step.get("uses", "").startswith("actions/checkout@")]

    assert all(step["with"] == {"persist-credentials": False} for step in steps)


def test_ci_when_a_pull_request_comes_then_without_secrets() -> None:
    content = load(WORKFLOWS["ci"])

    assert set(content["on"]) == {"pull_request", "workflow_call", "workflow_dispatch"}
    assert "secrets" not in WORKFLOWS["ci"].read_text()


def test_ci_when_it_runs_then_on_linux_and_on_macos() -> None:
    systems = {job["runs-on"].partition("-")[0] for job in load(WORKFLOWS["ci"])["jobs"].values()}
    commands = [step["run"] for job in load(WORKFLOWS["ci"])["jobs"] for step in run_steps("ci", job)]

    assert systems == {"ubuntu", "macos"}
    assert {"npm run check", "npm test", "npm run test:full", "npm run setup"} <= set(commands)


@pytest.mark.parametrize("workflow", ["ci"])
def test_command_when_it_is_an_npm_script_then_it_exists(workflow: str) -> None:
    scripts = json.loads((ROOT / "package.json").read_text())["scripts"]
    jobs = [job for job, content in load(WORKFLOWS[workflow])["jobs"].items() if "steps" in content]
    commands = [step["run"] for job in jobs for step in run_steps(workflow, job)]
    named = re.findall(r"npm run (?:--silent )?([\w:]+)", "\n".join(commands))

    assert [name for name in named if name not in scripts] == []


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_deployment_when_another_runs_then_it_waits(environment: str) -> None:
    job = job_of("deploy", environment)

    assert job["environment"] == {"name": environment}
    assert job["concurrency"] == {"group": f"deploy-{environment}", "cancel-in-progress": False}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_deployment_when_not_switched_on_then_it_does_not_run(environment: str) -> None:
    condition = job_of("deploy", environment)["if"]

    assert "vars.DEPLOY == 'true' && github.ref == 'refs/heads/main'" in condition


def test_production_when_main_moves_then_after_tests_and_staging() -> None:
    assert load(WORKFLOWS["deploy"])["on"]["push"] == {"branches": ["main"]}
    assert job_of("deploy", "staging")["needs"] == "ci"
    assert job_of("deploy", "production")["needs"] == "staging"


def test_secrets_when_used_then_only_in_an_environment() -> None:
    for name, content in load(WORKFLOWS["deploy"])["jobs"].items():
        assert ("secrets." in json.dumps(content)) == ("environment" in content), name


def test_readme_when_a_workflow_reads_a_setting_then_it_is_named() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS.values())
    names = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", text))

    assert names
    assert [name for name in sorted(names) if f"`{name}`" not in (ROOT / "README.md").read_text()] == []


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    """Return a folder for PATH whose `npm` prints its arguments, then the file of secrets and its mode."""
    file = tmp_path / "bin" / "npm"
    file.parent.mkdir()
    file.write_text(
        '#!/usr/bin/env bash\nprintf "%s\\n" "$*"\n[[ "$*" == *worker-secrets* ]] || exit 0\n'
        'ls -l "$RUNNER_TEMP/worker-secrets" | cut -c 1-10\ncat "$RUNNER_TEMP/worker-secrets"\n'
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file.parent


def deploy(npm: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the step of `.github/actions/deploy` as GitHub does."""
    (step,) = (step for step in steps_of(load(ACTIONS["deploy"])) if "run" in step)
    variables = dict.fromkeys(step["env"], "") | {
        "ACTION": "deploy",
        "TARGET": "staging",
        "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
        "CLOUDFLARE_API_TOKEN": "t0ken",
        "RUNNER_TEMP": str(npm.parent),
        "GITHUB_STEP_SUMMARY": str(npm.parent / "summary"),
        "PATH": f"{npm}:{os.environ['PATH']}",
    }
    bash = shutil.which("bash")
    assert bash
    command = [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, env=variables | changes, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("changes", "arguments"),
    [
        ({}, "--env staging --secrets FILE --yes --summary SUMMARY"),
        (
            {"WORKERS": " text-gen  audio-gen "},
            "text-gen audio-gen --env staging --secrets FILE --yes --summary SUMMARY",
        ),
        ({"TARGET": "production"}, "--env production --secrets FILE --yes --summary SUMMARY"),
        ({"ACTION": "dry-run"}, "--env staging --secrets FILE --dry-run"),
        ({"ACTION": "rollback", "WORKERS": "text-gen"}, "rollback text-gen --env staging --yes"),
        ({"ACTION": "status"}, "status --env staging"),
    ],
    ids=["deploy", "workers", "production", "dry-run", "rollback", "status"],
)
def test_deploy_step_when_it_runs_then_these_are_its_arguments(
    npm: Path, changes: dict[str, str], arguments: str
) -> None:
    result = deploy(npm, **changes)

    assert result.returncode == 0, result.stdout + result.stderr
    for word, name in (("FILE", "worker-secrets"), ("SUMMARY", "summary")):
        arguments = arguments.replace(word, str(npm.parent / name))
    assert result.stdout.splitlines()[0].replace("--silent ", "") == f"run deploy -- {arguments}"


def test_deploy_step_when_it_does_not_deploy_then_the_summary_has_its_output(npm: Path) -> None:
    deploy(npm, ACTION="status")

    summary = (npm.parent / "summary").read_text()
    assert summary == "### staging, status\n\n```\nrun --silent deploy -- status --env staging\n```\n"


def test_deploy_step_when_it_has_secrets_then_only_for_itself(npm: Path) -> None:
    result = deploy(npm, WORKER_SECRETS="ANTHROPIC_API_KEY=a\nOPENAI_API_KEY=b")

    assert result.stdout.splitlines()[1:] == ["-rw-------", "ANTHROPIC_API_KEY=a", "OPENAI_API_KEY=b"]
    assert not (npm.parent / "worker-secrets").exists()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"CLOUDFLARE_API_TOKEN": ""}, "The environment staging of this repository has no CLOUDFLARE_API_TOKEN"),
        ({"CLOUDFLARE_ACCOUNT_ID": ""}, "The environment staging of this repository has no CLOUDFLARE_ACCOUNT_ID"),
        ({"WORKERS": "text-gen; id"}, "workers must be names separated by spaces"),
        ({"WORKERS": "--delete-data"}, "workers must be names separated by spaces"),
        ({"ACTION": "undeploy"}, "action must be deploy, dry-run, rollback or status"),
    ],
    ids=["token", "account", "command", "option", "action"],
)
def test_deploy_step_when_misused_then_it_says_why(npm: Path, changes: dict[str, str], problem: str) -> None:
    result = deploy(npm, **changes)

    assert result.returncode == 1
    assert result.stdout.startswith(f"::error::{problem}")
    assert "run deploy" not in result.stdout


@pytest.mark.parametrize(
    ("file", "before", "after", "linter"),
    [
        ("deploy", "needs: ci", "nedes: ci", "schema"),
        ("ci", "contents: read", "contents: reed", "schema"),
        ("ci", "permissions: {}", "permissions: write-all", "zizmor"),
        ("deploy", "# v7.0.1\n        with:\n          persist-credentials: false", "# v7.0.1", "zizmor"),
        ("ci", "run: npm test", "run: npm test -- ${{ github.head_ref }}", "zizmor"),
    ],
    ids=["unknown key", "unknown permission", "permissions", "kept token", "injection"],
)
def test_linter_when_a_workflow_is_wrong_then_it_fails(
    tmp_path: Path, file: str, before: str, after: str, linter: str
) -> None:
    text = WORKFLOWS[file].read_text()
    assert before in text
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    wrong = tmp_path / ".github" / "workflows" / "wrong.yml"
    wrong.write_text(text.replace(before, after))
    commands = {
        "schema": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(wrong)],
        "zizmor": ["zizmor", "--offline", "--no-progress", "--quiet", "--persona=pedantic", str(tmp_path)],
    }
    name, *arguments = commands[linter]

    result = subprocess.run([str(PYTHON.parent / name), *arguments], capture_output=True, text=True, check=False)

    assert result.returncode != 0, result.stdout + result.stderr
