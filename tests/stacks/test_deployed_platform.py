"""The whole platform, deployed into an empty account of the emulated Cloudflare by plain `npx wrangler deploy`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

import keys
import local
from database import Row, Statement, inline
from platform_workers import find_scopes, find_workers
from tests.copies import copy_repository
from tests.emulators.process import Emulators, start_emulators
from tests.workers.renders import clip_of, edit_of, render_to_end
from tests.workers.shapes import error_of, success_of
from tests.wrangler import Wrangler

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

DATABASE = "de-database"
CRON = "17 * * * *"
REQUESTS = {
    "audio-gen": ("/synthesize", {"text": "Hello there."}),
    "image-gen": ("/generate", {"prompt": "A cat"}),
    "render-service": ("/render", edit_of()),
    "sandbox-executor": ("/execute", {"task": "Write a greeter"}),
    "stock-media": ("/search/videos", {"keywords": ["ocean"]}),
    "text-gen": ("/generate", {"prompt": "Hello"}),
}
_ID = re.compile(r'^(database_id|id) = "[0-]+"\n', re.MULTILINE)


@dataclass(frozen=True)
class DeployedDatabase:
    """The D1 database, for `keys.create`."""

    wrangler: Wrangler

    def run(self, *statements: Statement) -> list[Row]:
        """Run the statements; return the rows of the last."""
        sql = "; ".join(inline(*statement) for statement in statements)
        command = ("d1", "execute", DATABASE, "--remote", "--json", "--command", sql)
        rows: list[Row] = self.wrangler.read(*command)[-1]["results"]
        return rows


@dataclass(frozen=True)
class Deployed:
    """The deployed platform, and a key with all scopes."""

    emulators: Emulators
    wrangler: Wrangler
    database: DeployedDatabase
    key: str

    def client(self, worker: str, *, key: bool = True) -> httpx2.Client:
        """Return a client of one Worker."""
        url = f"{self.emulators.url}/cloudflare/workers.dev/{worker}"
        headers = {"Authorization": f"Bearer {self.key}"} if key else {}
        return httpx2.Client(base_url=url, headers=headers, timeout=120, trust_env=False)

    def deploy(self, worker: str, **settings: str) -> None:
        """Deploy a Worker again, with these vars."""
        inside = replace(self.wrangler, folder=self.wrangler.folder.parent / worker)
        inside.run("deploy", *variables(self.emulators, worker, **settings))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    repository = copy_repository(tmp_path_factory.mktemp("repository"))
    for config in repository.glob("workers/*/wrangler.toml"):
        config.write_text(_ID.sub("", config.read_text()))
    with start_emulators() as emulators:
        wrangler = Wrangler(emulators, repository / "workers" / "text-gen", account="0" * 32)
        wrangler.run("d1", "create", DATABASE)
        wrangler.run("d1", "migrations", "apply", DATABASE, "--remote")
        for worker in sorted(find_workers(), key=lambda worker: worker.name != "rate-limiter"):
            inside = replace(wrangler, folder=repository / "workers" / worker.name)
            inside.run("deploy", *variables(emulators, worker.name))
        database = DeployedDatabase(wrangler)
        key, _ = keys.create(database, environment="live", name="test", owner="test", scopes=find_scopes())
        yield Deployed(emulators, wrangler, database, key)


def variables(emulators: Emulators, worker: str, **more: str) -> list[str]:
    """Return the options that send the Worker's calls to the emulated providers, and those with `more` vars."""
    values = {
        **local.emulated_vars(emulators.base_urls),
        "ALLOW_LOOPBACK_URLS": "true",
        "ALLOWED_REPOSITORIES": "*",
        "PUBLIC_BASE_URL": f"{emulators.url}/cloudflare/workers.dev/{worker}",
        **more,
    }
    return [part for name, value in values.items() for part in ("--var", f"{name}:{value}")]


@pytest.mark.parametrize("worker", REQUESTS)
def test_worker_answers_with_a_key_and_refuses_without(deployed: Deployed, worker: str) -> None:
    path, body = REQUESTS[worker]
    with deployed.client(worker) as client, deployed.client(worker, key=False) as stranger:
        health = stranger.get("/health").json()
        refused = stranger.post(path, json=body)
        accepted = client.post(path, json=body)

    assert (health["status"], health["service"]) == ("healthy", worker)
    error_of(refused, 401, "UNAUTHORIZED")
    assert accepted.status_code in {200, 202}, accepted.text
    assert accepted.json()["success"] is True


def fire_trigger(deployed: Deployed, worker: str) -> None:
    """Run what the worker's Cron Trigger runs."""
    url = f"{deployed.emulators.url}/cloudflare/scheduled/{'0' * 32}/{worker}"
    outcome = httpx2.post(url, params={"cron": CRON}, timeout=60, trust_env=False).raise_for_status().json()
    assert outcome["result"]["outcome"] == "ok"


def test_trigger_deletes_old_usage_rows(deployed: Deployed) -> None:
    deployed.deploy("text-gen", USAGE_KEEP_DAYS="30")
    with deployed.client("text-gen") as client:
        young, old = (client.post("/generate", json={"prompt": "Hello"}).headers["X-Request-ID"] for _ in range(2))
    deployed.database.run(("UPDATE usage SET created_at = '2020-01-01T00:00:00.000Z' WHERE request_id = ?", (old,)))

    fire_trigger(deployed, "text-gen")

    rows = deployed.database.run(("SELECT request_id FROM usage WHERE request_id IN (?, ?)", (young, old)))
    assert [row["request_id"] for row in rows] == [young]


def test_trigger_deletes_old_files_and_leaves_young_ones(deployed: Deployed) -> None:
    with deployed.client("audio-gen") as client:
        url = success_of(client.post("/synthesize", json={"text": "Hello."}))["audio_url"]
    deployed.deploy("audio-gen", MEDIA_KEEP_DAYS="1")
    fire_trigger(deployed, "audio-gen")
    kept = httpx2.get(url, trust_env=False)
    deployed.deploy("audio-gen", MEDIA_KEEP_DAYS="0.000001")

    fire_trigger(deployed, "audio-gen")

    assert kept.status_code == 200
    assert httpx2.get(url, trust_env=False).status_code == 404


def test_trigger_ends_what_a_kill_has_left(deployed: Deployed) -> None:
    with deployed.client("render-service") as client:
        render = render_to_end(client, edit_of(clip_of()))
    long_ago = "2020-01-01T00:00:00.000Z"
    deployed.database.run(
        (
            "UPDATE renders SET status = 'rendering', created_at = ?, updated_at = ? WHERE id = ?",
            (long_ago, long_ago, render["render_id"]),
        )
    )

    fire_trigger(deployed, "render-service")

    (row,) = deployed.database.run(("SELECT status FROM renders WHERE id = ?", (render["render_id"],)))
    assert row["status"] == "failed"


def test_rate_limiter_is_not_on_workers_dev(deployed: Deployed) -> None:
    with deployed.client("rate-limiter") as client:
        assert client.get("/health").status_code == 404


def test_requests_are_counted_in_the_durable_object_and_d1(deployed: Deployed) -> None:
    with deployed.client("text-gen") as client:
        answers = [client.post("/generate", json={"prompt": "Hello"}) for _ in range(2)]
    remaining = [int(re.findall(r"r=(\d+)", answer.headers["RateLimit"])[0]) for answer in answers]
    usage = deployed.database.run(("SELECT count(*) AS calls FROM usage WHERE worker = 'text-gen'", ()))

    assert all("Hello" in success_of(answer)["text"] for answer in answers)
    assert remaining[1] < remaining[0]
    assert usage[0]["calls"] >= 2


def test_audio_is_served_from_r2(deployed: Deployed, tmp_path: Path) -> None:
    with deployed.client("audio-gen") as client:
        spoken = success_of(client.post("/synthesize", json={"text": "Hello there."}))
        served = httpx2.get(spoken["audio_url"], trust_env=False)
    stored = tmp_path / "stored.mp3"
    key = spoken["audio_url"].split("/workers.dev/audio-gen/")[-1]
    deployed.wrangler.run("r2", "object", "get", f"de-audio-storage/{key}", "--remote", "--file", str(stored))

    assert served.headers["Content-Type"] == "audio/mpeg"
    assert len(served.content) > 1000
    assert stored.read_bytes() == served.content


def test_render_is_followed_to_its_end_by_its_workflow(deployed: Deployed) -> None:
    with deployed.client("render-service") as client:
        rendered = render_to_end(client, edit_of(clip_of()))
        video = httpx2.get(rendered["url"], trust_env=False)
    instances = deployed.wrangler.run("workflows", "instances", "list", "render-workflow")

    assert rendered["status"] == "done"
    assert video.content[4:8] == b"ftyp"
    assert "Completed" in instances


def test_generated_code_runs_in_the_worker_loader(deployed: Deployed) -> None:
    with deployed.client("sandbox-executor") as client:
        done = success_of(client.post("/execute", json={"task": "Write a greeter"}))

    assert done["result"]["steps"]


def test_redeployment_keeps_the_data(deployed: Deployed) -> None:
    before = deployed.database.run(("SELECT count(*) AS keys FROM api_keys", ()))
    deployed.wrangler.run("deploy", *variables(deployed.emulators, "text-gen"))
    with deployed.client("text-gen") as client:
        success_of(client.post("/generate", json={"prompt": "Hello again"}))

    assert deployed.database.run(("SELECT count(*) AS keys FROM api_keys", ())) == before
