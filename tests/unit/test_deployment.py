"""What a deployment is made of: configurations, fingerprints, values, the plan that a person reads."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployment.account import Account, Version
from deployment.configs import build_config, compute_tag, load_config, written_config
from deployment.plan import Plan, Step, choose_workers
from deployment.values import Values, choose_values, find_unread, load_declared, load_values
from platform_workers import Worker, find_workers
from setup import SetupError

WORKERS = {worker.name: worker for worker in find_workers()}
ACCOUNT = Account(id="account-1", token="token-1")  # a test's
NONE = Values(vars={}, secrets={})


def config_of(name: str, *, environment: str = "staging", database_id: str | None = "id-1") -> dict[str, Any]:
    return build_config(load_config(WORKERS[name]), environment=environment, database_id=database_id)


def test_config_of_production_has_the_names_of_wrangler_toml() -> None:
    own = load_config(WORKERS["render-service"])

    built = config_of("render-service", environment="production", database_id=None)

    assert built == {name: value for name, value in own.items() if name not in {"dev", "vars"}}


def test_config_of_staging_has_a_suffix_on_every_global_name() -> None:
    render, limiter = config_of("render-service"), config_of("rate-limiter")

    assert (render["name"], limiter["name"]) == ("render-service-staging", "rate-limiter-staging")
    assert render["d1_databases"][0]["database_name"] == "de-database-staging"
    assert render["r2_buckets"][0]["bucket_name"] == "de-render-storage-staging"
    assert render["workflows"][0]["name"] == "render-workflow-staging"
    assert render["durable_objects"]["bindings"][0]["script_name"] == "rate-limiter-staging"
    assert "script_name" not in limiter["durable_objects"]["bindings"][0]
    assert render["d1_databases"][0]["database_id"] == "id-1"


@pytest.mark.parametrize("name", WORKERS)
def test_wrangler_toml_has_no_ids_and_keeps_its_logs(name: str) -> None:
    own = load_config(WORKERS[name])

    assert own["observability"] == {"enabled": True}
    assert not any("database_id" in entry for entry in own.get("d1_databases", []))
    assert not any("id" in entry for entry in own.get("kv_namespaces", []))
    assert "CLOUDFLARE_ACCOUNT_ID" not in own.get("vars", {})


def test_written_config_is_removed_at_the_end() -> None:
    worker = WORKERS["text-gen"]
    with (
        pytest.raises(KeyboardInterrupt),
        written_config(worker, {"name": "x"}, environment="staging") as path,
    ):
        assert json.loads(path.read_text()) == {"name": "x"}
        raise KeyboardInterrupt

    assert not path.exists()


def test_written_config_is_ignored_by_git() -> None:
    ignored = (Path(__file__).parents[2] / ".gitignore").read_text().splitlines()

    assert {"workers/*/.wrangler.*.json", ".dev.vars*", ".staging.vars", ".prod.vars", ".env*"} <= set(ignored)


@pytest.fixture
def copy(tmp_path: Path) -> Worker:
    """Return a worker with one module, in a folder with a shared package and a lock file."""
    source = tmp_path / "workers" / "greeter" / "src" / "entry.py"
    shared = tmp_path / "shared" / "electrons" / "app.py"
    for path in (source, shared, tmp_path / "shared" / "requirements.lock"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    return Worker(name="greeter", folder=source.parent.parent, package=None, scopes=())


def tag_of(worker: Worker, *, config: Mapping[str, Any] | None = None, values: Values = NONE) -> str:
    return compute_tag(worker, config or {"name": "greeter"}, values, root=worker.folder.parents[1])


@pytest.mark.parametrize(
    "changed", ["workers/greeter/src/entry.py", "shared/electrons/app.py", "shared/requirements.lock"]
)
def test_tag_follows_every_file_that_is_deployed(copy: Worker, changed: str) -> None:
    before = tag_of(copy)

    (copy.folder.parents[1] / changed).write_text("2")

    assert tag_of(copy) != before


def test_tag_follows_configuration_vars_and_secrets(copy: Worker) -> None:
    tags = {
        tag_of(copy),
        tag_of(copy, config={"name": "other"}),
        tag_of(copy, values=Values(vars={"A": "1"}, secrets={})),
        tag_of(copy, values=Values(vars={}, secrets={"A": "1"})),
        tag_of(copy, values=Values(vars={}, secrets={"A": "2"})),
    }

    assert len(tags) == 5


@pytest.mark.parametrize("name", ["__pycache__/entry.pyc", "testing/client.py"])
def test_tag_ignores_what_is_not_deployed(copy: Worker, name: str) -> None:
    before = tag_of(copy)
    path = copy.folder.parents[1] / "shared" / "electrons" / name
    path.parent.mkdir()
    path.write_text("1")

    assert tag_of(copy) == before


def test_declared_settings_tell_secrets_and_credentials() -> None:
    declared = load_declared("sandbox-executor")

    assert {"GITHUB_PAT", "EXECUTE_MAX_TURNS", "RATE_LIMIT_POLICY"} <= set(declared.settings)
    assert {"GITHUB_PAT", "CLOUDFLARE_API_TOKEN"} <= declared.secrets
    assert "CLOUDFLARE_ACCOUNT_ID" in declared.credentials - declared.secrets


def test_values_of_a_worker_are_those_that_it_reads() -> None:
    values = {"OPENAI_API_KEY": "key", "DEFAULT_MODEL": "openai:gpt-4o", "PEXELS_API_KEY": "other", "PATH": "/bin"}

    chosen = choose_values("text-gen", {"vars": {"DEFAULT_MODEL": "anthropic:x", "KEPT": "1"}}, values)

    assert chosen == Values(vars={"DEFAULT_MODEL": "openai:gpt-4o", "KEPT": "1"}, secrets={"OPENAI_API_KEY": "key"})


def test_token_that_deploys_is_never_given_to_a_worker(tmp_path: Path) -> None:
    process = {"CLOUDFLARE_API_TOKEN": "deploys", "CLOUDFLARE_ACCOUNT_ID": "account-1", "GITHUB_PAT": "pat"}
    file = tmp_path / "none.vars"
    file.touch()

    values = load_values("staging", file=file, account=ACCOUNT, process=process)

    assert values == {"GITHUB_PAT": "pat"}


def test_sandbox_token_comes_from_its_own_variable_or_the_file(tmp_path: Path) -> None:
    file = tmp_path / "some.vars"
    process = {"CLOUDFLARE_API_TOKEN": "deploys", "SANDBOX_CLOUDFLARE_API_TOKEN": "own"}
    file.touch()
    by_variable = load_values("staging", file=file, account=ACCOUNT, process=process)
    file.write_text("CLOUDFLARE_API_TOKEN=from-file\n")
    by_file = load_values("staging", file=file, account=ACCOUNT, process=process)

    assert (by_variable["CLOUDFLARE_API_TOKEN"], by_variable["CLOUDFLARE_ACCOUNT_ID"]) == ("own", "account-1")
    assert by_file["CLOUDFLARE_API_TOKEN"] == "from-file"


def test_only_secrets_are_taken_from_the_process_environment(tmp_path: Path) -> None:
    file = tmp_path / "some.vars"
    file.write_text("LOG_FORMAT=text\n")
    process = {"AUTH_MODE": "open", "LOG_FORMAT": "json", "OPENAI_API_KEY": "", "PEXELS_API_KEY": "key"}

    values = load_values("staging", file=file, account=ACCOUNT, process=process)

    assert values == {"LOG_FORMAT": "text", "PEXELS_API_KEY": "key"}


def test_names_in_the_file_that_no_worker_reads_are_found(tmp_path: Path) -> None:
    file = tmp_path / "some.vars"
    file.write_text("OPENAI_KEY=a\nOPENAI_API_KEY=b\nGITHUB_PAT=c\n")

    assert find_unread("staging", file=file) == ["OPENAI_KEY"]


def test_file_of_secrets_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"There is no file .*none\.vars"):
        load_values("staging", file=tmp_path / "none.vars", account=ACCOUNT, process={})


def test_rate_limiter_is_deployed_first_whatever_is_named() -> None:
    assert [worker.name for worker in choose_workers(["text-gen"])] == ["rate-limiter", "text-gen"]
    assert choose_workers([])[0].name == "rate-limiter"
    assert {worker.name for worker in choose_workers([])} == WORKERS.keys()


def test_unknown_worker_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(SetupError, match=r"There is no worker text; the workers are .*text-gen"):
        choose_workers(["text"])


def make_plan(*, live: Version | None, missing: tuple[str, ...] = ()) -> Plan:
    step = Step(
        worker=WORKERS["text-gen"],
        config={"name": "text-gen-staging"},
        values=Values(vars={}, secrets={"OPENAI_API_KEY": "never-shown"}),
        tag="tag-1",
        live=live,
        missing=missing,
        url="https://text-gen-staging.me.workers.dev",
    )
    return Plan(
        environment="staging",
        commit="abc",
        database="de-database-staging",
        database_id="id-1",
        migrations=(),
        steps=(step,),
    )


@pytest.mark.parametrize(
    ("live", "action"),
    [(None, "create"), (Version("v1", 1, "tag-0"), "update"), (Version("v1", 1, "tag-1"), "unchanged")],
)
def test_plan_says_what_happens_to_each_worker(live: Version | None, action: str) -> None:
    plan = make_plan(live=live)

    assert plan.describe()[-1].split() == ["text-gen-staging", action]
    assert plan.is_change is (action != "unchanged")


def test_plan_names_missing_credentials_and_shows_no_value() -> None:
    text = "\n".join(make_plan(live=None, missing=("ANTHROPIC_API_KEY",)).describe())

    assert "ANTHROPIC_API_KEY" in text
    assert "never-shown" not in text


def test_plan_with_pending_migrations_is_a_change() -> None:
    plan = replace(make_plan(live=Version("v1", 1, "tag-1")), migrations=("0008_x.sql",))

    assert plan.is_change
    assert "1 migrations to apply" in plan.describe()[1]


def test_toml_of_every_worker_is_read() -> None:
    for worker in WORKERS.values():
        assert load_config(worker) == tomllib.loads((worker.folder / "wrangler.toml").read_text())
