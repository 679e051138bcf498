"""To which version a Worker goes back, and what a deployment takes for finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from deployment.account import Account, CloudflareError, Version
from deployment.plan import WITHOUT_LOADER, WITHOUT_TRIGGER, Plan, Step
from deployment.removal import check_users
from deployment.rollback import FAILED, REQUESTED, choose_earlier, go_back
from deployment.values import Values
from platform_workers import find_workers
from setup import SetupError

WORKERS = {worker.name: worker for worker in find_workers()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Account):
    """An account whose answers are given by path; it keeps what was put live in `calls`."""

    answers: Mapping[str, Any]
    calls: list[tuple[str, str]]
    refused: frozenset[str] = frozenset()

    def get(self, path: str) -> Any:
        if path not in self.answers:
            raise CloudflareError("This Worker does not exist on your account.", status=404, code=10007)
        return self.answers[path]

    def put_live(self, worker: str, version: Version, *, message: str) -> None:
        if worker in self.refused:
            raise CloudflareError("Cannot roll back", status=400, code=10021)
        self.calls.append((worker, version.id))


def account_of(answers: Mapping[str, Any] | None = None, *, refused: Sequence[str] = ()) -> Recorded:
    return Recorded(id="account-1", token="token-1", answers=answers or {}, calls=[], refused=frozenset(refused))


def step_of(name: str, *, tag: str = "tag-2", live: Version | None = None) -> Step:
    return Step(
        worker=WORKERS[name],
        config={"name": name},
        values=Values(vars={}, secrets={}),
        tag=tag,
        live=live,
        missing=(),
        url=None,
    )


def test_rollback_goes_to_the_last_version_with_other_code() -> None:
    history = [Version("v4", 4, "b"), Version("v3", 3, "b"), Version("v1", 1, "a"), Version("v2", 2, "a")]

    assert choose_earlier(history) == Version("v2", 2, "a")


def test_rollback_never_goes_forward_to_a_newer_version() -> None:
    history = [Version("v1", 1, "a"), Version("v2", 2, "b"), Version("v3", 3, "c")]

    assert choose_earlier(history) is None


def test_rollback_leaves_out_versions_that_failed() -> None:
    history = [Version("v3", 3, "c"), Version("v1", 1, "a"), Version("v2", 2, "b", is_withdrawn=True)]

    assert choose_earlier(history) == Version("v1", 1, "a")


@pytest.mark.parametrize("tag", ["", "b"])
def test_rollback_passes_over_a_change_of_secrets(tag: str) -> None:
    history = [Version("v3", 3, tag, is_secret_change=True), Version("v2", 2, "b"), Version("v1", 1, "a")]

    assert choose_earlier(history) == Version("v1", 1, "a")


def test_rollback_tells_versions_without_a_tag_apart() -> None:
    assert choose_earlier([Version("v2", 2, ""), Version("v1", 1, "")]) == Version("v1", 1, "")


def test_worker_that_is_not_deployed_has_no_version_to_go_back_to() -> None:
    assert choose_earlier([]) is None


@pytest.mark.parametrize("message", [FAILED, REQUESTED])
def test_history_knows_from_which_versions_somebody_went_back(message: str) -> None:
    def deployment(version: str, text: str) -> dict[str, Any]:
        return {"versions": [{"version_id": version}], "annotations": {"workers/message": text}}

    base = "/workers/scripts/text-gen"
    deployments = [deployment("v3", "commit 3"), deployment("v1", message), deployment("v2", "commit 2")]
    deployments.append(deployment("v1", "commit 1"))
    answers: dict[str, Any] = {f"{base}/deployments": {"deployments": deployments}}
    for number in (1, 2, 3):
        annotations = {"workers/tag": f"tag-{number}", "workers/triggered_by": "upload"}
        answers[f"{base}/versions/v{number}"] = {"number": number, "annotations": annotations}

    history = account_of(answers).list_history("text-gen", withdrawing=(FAILED, REQUESTED))

    assert [(version.id, version.is_withdrawn) for version in history] == [("v3", False), ("v1", False), ("v2", True)]
    assert choose_earlier(history) == Version("v1", 1, "tag-1")


def test_going_back_starts_with_the_newest_and_survives_a_refusal() -> None:
    account = account_of(refused=["audio-gen"])
    before = Version("v1", 1, "tag-1")
    steps = [step_of("rate-limiter", live=before), step_of("audio-gen", live=before), step_of("text-gen", live=before)]
    lines: list[str] = []

    names = go_back(account, [*steps, step_of("image-gen")], show=lines.append)

    assert names == ["text-gen", "rate-limiter"]
    assert account.calls == [("text-gen", "v1"), ("rate-limiter", "v1")]
    assert "image-gen was new" in lines[0]
    assert "audio-gen could not go back to version v1" in lines[2]


def test_upload_that_was_interrupted_is_a_change() -> None:
    step = step_of("render-service", live=Version("v1", 1, "tag-2"))

    assert not step.is_change
    assert replace(step, is_unfinished=True).is_change
    assert replace(step, is_forced=True).is_change


def test_worker_without_its_loader_is_unchanged_and_the_plan_says_so() -> None:
    live = Version("v1", 1, f"tag-2{WITHOUT_LOADER}")
    step = step_of("sandbox-executor", live=live)
    plan = Plan(environment="staging", commit="c", database="d", database_id="1", migrations=(), steps=(step,))

    assert not step.is_change
    assert "--force" in plan.describe()[-1]
    assert len(f"{'0' * 16}{WITHOUT_LOADER}{WITHOUT_TRIGGER}") <= 25


def test_worker_without_its_trigger_is_unchanged_and_the_plan_says_so() -> None:
    live = Version("v1", 1, f"tag-2{WITHOUT_LOADER}{WITHOUT_TRIGGER}")
    step = step_of("sandbox-executor", live=live)
    plan = Plan(environment="staging", commit="c", database="d", database_id="1", migrations=(), steps=(step,))

    assert not step.is_change
    assert "Worker Loader" in plan.describe()[-2]
    assert "Cron Trigger" in plan.describe()[-1]


def test_environment_that_others_use_is_not_removed() -> None:
    references = {"services": {"incoming": []}, "durable_objects": [{"service": "mine"}, {"service": "text-gen"}]}
    answers = {
        "/workers/scripts/rate-limiter/deployments": {"deployments": [{"versions": [{"version_id": "v1"}]}]},
        "/workers/scripts/rate-limiter/versions/v1": {"number": 1},
        "/workers/scripts/rate-limiter/references": references,
    }

    with pytest.raises(SetupError, match="would break: mine"):
        check_users(account_of(answers), "production", [*WORKERS.values()])


def test_token_is_not_part_of_what_is_printed_of_an_account() -> None:
    assert "token-1" not in repr(account_of())
