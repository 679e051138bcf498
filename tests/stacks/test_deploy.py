"""`npm run deploy` as a person runs it, from a copy of the repository into an empty emulated account."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from setup import PYTHON, environment
from tests.copies import copy_repository
from tests.emulators.process import Emulators, start_emulators
from tests.workers.shapes import error_of, success_of

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

SECRET = "-".join(("planted", "0123456789", "of", "staging"))  # in parts, because the checkout has this file too
PUBLIC = ("audio-gen", "image-gen", "render-service", "sandbox-executor", "stock-media", "text-gen")
ROUTES = "workers/stock-media/src/stock_media/routes.py"


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository whose commands work on one emulated account."""

    folder: Path
    emulators: Emulators

    @property
    def environment(self) -> dict[str, str]:
        return {
            **environment(),
            "CLOUDFLARE_API_BASE_URL": self.emulators.url_of("cloudflare"),
            "CLOUDFLARE_API_TOKEN": "any",
            "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
            "HOME": os.fspath(self.folder.parent),
        }

    def start(self, script: str, *arguments: str, answer: str = "", seconds: float | None = None) -> tuple[int, str]:
        """Run a command and return its status and its output; after `seconds` it is killed with its children."""
        process = subprocess.Popen(
            [str(PYTHON), f"scripts/{script}.py", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(answer, timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
        return process.returncode, output

    def run(self, script: str, *arguments: str, answer: str = "") -> str:
        """Run a command that must succeed and return what it printed."""
        status, output = self.start(script, *arguments, answer=answer)
        assert status == 0, output
        return output

    def url(self, worker: str) -> str:
        return f"{self.emulators.url}/cloudflare/workers.dev/{worker}-staging"

    def get(self, path: str) -> Any:
        """Return the result of a call to Cloudflare's API."""
        url = f"{self.emulators.url_of('cloudflare')}/accounts/{'0' * 32}{path}"
        return httpx2.get(url, headers={"Authorization": "Bearer any"}, trust_env=False).json()["result"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    folder = copy_repository(tmp_path_factory.mktemp("deploy") / "checkout")
    (folder / ".staging.vars").write_text(f"OPENAI_API_KEY={SECRET}\n")
    with start_emulators() as emulators:
        yield Checkout(folder, emulators)


@pytest.fixture(scope="module")
def deployed(checkout: Checkout) -> tuple[Checkout, str]:
    """Deploy everything to staging; return the checkout and what was printed."""
    return checkout, checkout.run("deploy", "--env", "staging", "--yes", "--summary", "summary.md")


def test_dry_run_shows_the_plan_and_changes_nothing(checkout: Checkout) -> None:
    before = checkout.get("/d1/database")

    output = checkout.run("deploy", "--env", "staging", "--dry-run")

    assert "text-gen-staging" in output
    assert SECRET not in output
    assert checkout.get("/d1/database") == before


def test_question_that_is_answered_with_no_changes_nothing(checkout: Checkout) -> None:
    before = checkout.get("/workers/scripts")
    (checkout.folder / "shared" / "electrons" / "unused.py").write_text("")

    status, output = checkout.start("deploy", "--env", "staging", answer="n\n")
    (checkout.folder / "shared" / "electrons" / "unused.py").unlink()

    assert (status, "nothing was changed" in output) == (1, True)
    assert checkout.get("/workers/scripts") == before


def test_workers_answer_with_a_key_and_refuse_without(deployed: tuple[Checkout, str]) -> None:
    checkout, output = deployed
    made = checkout.run(
        "keys", "create", "--remote", "--env", "staging", "--name", "t", "--owner", "t", "--scopes", "text,media"
    )
    key = next(line for line in made.splitlines() if line.startswith("de_live_"))
    body = {"prompt": "Hello", "model": "anthropic:claude-sonnet-4-6"}
    url = checkout.url("text-gen")

    error_of(httpx2.post(f"{url}/generate", json=body, trust_env=False), 401, "UNAUTHORIZED")
    answer = httpx2.post(
        f"{url}/generate", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
    )
    success_of(answer)
    time.sleep(1)
    usage = json.loads(checkout.run("usage", "--remote", "--env", "staging", "--by", "worker,key", "--format", "json"))
    assert [(row["worker"], row["calls"]) for row in usage] == [("text-gen", 1)]
    assert all(checkout.url(worker) in output for worker in PUBLIC)
    assert "rate-limiter-staging" in (checkout.folder / "summary.md").read_text()


def test_secret_is_neither_printed_nor_left_on_disk(deployed: tuple[Checkout, str]) -> None:
    checkout, output = deployed
    files = [path for path in checkout.folder.parent.rglob("*") if path.is_file() and "node_modules" not in path.parts]

    shown = checkout.run("deployment_secrets", "--env", "staging")

    assert SECRET not in output + shown
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == [".staging.vars"]
    assert ["text-gen", "OPENAI_API_KEY", "set"] in [line.split() for line in shown.splitlines()]


def test_second_deployment_changes_nothing(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    before = [checkout.get(f"/workers/scripts/{worker}-staging/deployments") for worker in PUBLIC]

    output = checkout.run("deploy", "--env", "staging", "--yes")

    assert "nothing had to be changed" in output
    assert [checkout.get(f"/workers/scripts/{worker}-staging/deployments") for worker in PUBLIC] == before
    assert checkout.run("deploy", "status", "--env", "staging").count("up to date") == len(PUBLIC) + 1


def test_worker_that_fails_its_trial_goes_back(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    entry = checkout.folder / "workers" / "stock-media" / "src" / "entry.py"
    sound = entry.read_text()
    entry.write_text(sound + "\non_fetch = None\n")

    status, output = checkout.start("deploy", "stock-media", "--env", "staging", "--yes")
    entry.write_text(sound)

    assert status == 1
    assert "stock-media-staging does not work" in output
    assert "stock-media-staging went back to version" in output
    assert httpx2.get(f"{checkout.url('stock-media')}/health", timeout=60, trust_env=False).status_code == 200
    assert "differs" not in checkout.run("deploy", "status", "--env", "staging")


def test_rollback_after_a_failed_deployment_finds_nothing_broken(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    before = checkout.get("/workers/scripts/stock-media-staging/deployments")["deployments"][0]["versions"]

    status, output = checkout.start("deploy", "rollback", "stock-media", "--env", "staging", "--yes")

    assert (status, "there is no other version to go back to" in output) == (1, True)
    assert checkout.get("/workers/scripts/stock-media-staging/deployments")["deployments"][0]["versions"] == before


def test_rollback_puts_the_version_before_live_again(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    file = checkout.folder / ROUTES
    original = file.read_text()
    file.write_text(original + "\n# changed\n")
    checkout.run("deploy", "stock-media", "--env", "staging", "--yes")
    file.write_text(original)

    output = checkout.run("deploy", "rollback", "stock-media", "--env", "staging", "--yes")

    assert "stock-media-staging: went back to version" in output
    assert "differs" not in checkout.run("deploy", "status", "stock-media", "--env", "staging")


def test_free_plan_gets_the_sandbox_without_its_loader(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    refusal = "In order to use Dynamic Workers, you must switch to a paid plan"
    checkout.emulators.add_fault(
        "cloudflare",
        kind="status",
        status=403,
        message=refusal,
        error_code="10195",
        method="POST",
        path_contains="/scripts/sandbox-executor-staging/versions",
    )

    output = checkout.run("deploy", "sandbox-executor", "--env", "staging", "--yes", "--force")
    plan = checkout.run("deploy", "--env", "staging", "--dry-run")

    assert "sandbox-executor-staging is deployed without its Worker Loader" in output
    assert "sandbox-executor-staging works" in output
    assert "runs without its Worker Loader; on the paid plan: sandbox-executor --force" in plan
    assert plan.count("unchanged") == len(PUBLIC) + 1


def test_account_without_room_for_a_trigger_gets_the_worker_without(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    assert checkout.get("/workers/scripts/audio-gen-staging/schedules")["schedules"][0]["cron"] == "17 * * * *"
    checkout.emulators.add_fault(
        "cloudflare",
        kind="status",
        status=400,
        message="This account has reached the Workers Free limit of 5 cron triggers per account.",
        error_code="10072",
        method="PUT",
        path_contains="/scripts/audio-gen-staging/schedules",
    )

    output = checkout.run("deploy", "audio-gen", "--env", "staging", "--yes", "--force")
    plan = checkout.run("deploy", "--env", "staging", "--dry-run")

    assert "audio-gen-staging is deployed without its Cron Trigger" in output
    assert "audio-gen-staging works" in output
    assert "runs without its Cron Trigger; once there is room: audio-gen --force" in plan
    assert plan.count("unchanged") == len(PUBLIC) + 1


def test_upload_that_was_interrupted_is_finished(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    url = f"{checkout.emulators.url_of('cloudflare')}/accounts/{'0' * 32}/workflows/render-workflow-staging"
    httpx2.delete(url, headers={"Authorization": "Bearer any"}, trust_env=False).raise_for_status()

    output = checkout.run("deploy", "render-service", "--env", "staging", "--yes")

    assert "deploying render-service-staging" in output
    assert checkout.get("/workflows/render-workflow-staging")["script_name"] == "render-service-staging"


def test_trigger_that_was_not_set_is_set_by_the_next(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    path = "/workers/scripts/image-gen-staging/schedules"
    url = f"{checkout.emulators.url_of('cloudflare')}/accounts/{'0' * 32}{path}"
    httpx2.put(url, json=[], headers={"Authorization": "Bearer any"}, trust_env=False).raise_for_status()

    output = checkout.run("deploy", "image-gen", "--env", "staging", "--yes")

    assert "deploying image-gen-staging" in output
    assert checkout.get(path)["schedules"][0]["cron"] == "17 * * * *"


def test_database_that_fails_sends_what_was_deployed_back(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    before = checkout.get("/workers/scripts/text-gen-staging/deployments")["deployments"][0]["versions"]
    # The two queries of the plan pass; that of the trial's key is refused.
    checkout.emulators.add_fault(
        "cloudflare", kind="status", status=500, prompt_contains="INSERT INTO api_keys", path_contains="/query", times=9
    )

    status, output = checkout.start("deploy", "text-gen", "--env", "staging", "--yes", "--force")
    checkout.emulators.reset()

    assert status == 1
    assert "could not be tried" in output
    assert "text-gen-staging went back to version" in output
    assert checkout.get("/workers/scripts/text-gen-staging/deployments")["deployments"][0]["versions"] == before


@pytest.mark.parametrize("seconds", [3, 5, 7, 9])
def test_deployment_that_was_killed_is_finished_by_the_next(deployed: tuple[Checkout, str], seconds: int) -> None:
    checkout, _ = deployed
    checkout.run("deploy", "undeploy", "--env", "staging", "--yes", "--delete-data", answer="staging\n")
    checkout.start("deploy", "text-gen", "--env", "staging", "--yes", seconds=seconds)

    output = checkout.run("deploy", "text-gen", "--env", "staging", "--yes")

    assert "text-gen-staging works" in output
    assert len(checkout.get("/d1/database")) == 1
    assert not list(checkout.folder.glob("workers/*/.wrangler.staging.json"))


def test_undeploy_keeps_the_data_unless_its_name_is_typed(deployed: tuple[Checkout, str]) -> None:
    checkout, _ = deployed
    checkout.run("deploy", "text-gen", "--env", "staging", "--yes")

    status, output = checkout.start("deploy", "undeploy", "--env", "staging", "--yes", "--delete-data", answer="no\n")

    assert (status, "the data was kept" in output) == (1, True)
    assert checkout.get("/workers/scripts") == []
    assert len(checkout.get("/d1/database")) == 1
    checkout.run("deploy", "undeploy", "--env", "staging", "--yes", "--delete-data", answer="staging\n")
    assert checkout.get("/d1/database") == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"CLOUDFLARE_API_TOKEN": ""}, "Set CLOUDFLARE_API_TOKEN"),
        ({"CLOUDFLARE_API_TOKEN": "invalid"}, "CLOUDFLARE_API_TOKEN cannot be used"),
        ({"CLOUDFLARE_API_BASE_URL": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
def test_failure_before_the_plan_says_what_to_do(checkout: Checkout, changed: dict[str, str], reason: str) -> None:
    result = subprocess.run(
        [str(PYTHON), "scripts/deploy.py", "--env", "staging", "--yes"],
        cwd=checkout.folder,
        env={**checkout.environment, **changed},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
