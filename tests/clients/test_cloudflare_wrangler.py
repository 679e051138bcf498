"""Each command of wrangler, unmodified, gets from the emulator what it needs."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from setup import NODE, ROOT
from tests.deployed import delete_deployed_workers
from tests.emulators.process import Emulators
from tests.wrangler import Wrangler

CONFIG = 'name = "{name}"\nmain = "index.js"\ncompatibility_date = "2026-10-01"\npreview_urls = true\n'
CODE = "export default { fetch: () => new Response('one') };"
COUNTER = """
import { DurableObject, WorkflowEntrypoint } from "cloudflare:workers";
export class Counter extends DurableObject { count() { return 1; } }
export class Sleeper extends WorkflowEntrypoint {
  async run(event, step) { await step.sleep("a while", event.payload?.seconds ?? "1 hour"); return "rested"; }
}
export default { async fetch(request, env) {
  console.log("asked for", new URL(request.url).pathname);
  if (request.url.endsWith("/fail")) throw new Error("as asked");
  await env.KV.put("key", "value");
  await env.R2.put("object", "value");
  await env.DB.prepare("INSERT INTO notes VALUES ('value')").run();
  return Response.json(await env.COUNTER.get(env.COUNTER.newUniqueId()).count());
} };
"""


@pytest.fixture
def wrangler(emulators: Emulators, tmp_path: Path) -> Iterator[Wrangler]:
    """Return wrangler in an empty folder, with an account of its own."""
    account = uuid.uuid4().hex
    yield Wrangler(emulators, tmp_path, account=account)
    delete_deployed_workers(emulators, accounts=[account])


def write(wrangler: Wrangler, config: str = "", *, name: str, code: str = CODE) -> None:
    (wrangler.folder / "wrangler.toml").write_text(CONFIG.format(name=name) + config)
    (wrangler.folder / "index.js").write_text(code)


def get(wrangler: Wrangler, path: str) -> httpx2.Response:
    return httpx2.get(f"{wrangler.emulators.url}/cloudflare/workers.dev/{path}", trust_env=False, timeout=30)


def call_api(wrangler: Wrangler, method: str, path: str, body: object = None) -> Any:
    """Return the result of a call without wrangler, which takes a second to start."""
    url = f"{wrangler.emulators.url_of('cloudflare')}/accounts/{wrangler.account}{path}"
    headers = {"authorization": "Bearer any"}
    answer = httpx2.request(method, url, json=body, headers=headers, trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def bound_config(name: str) -> str:
    """Return bindings whose resources wrangler finds or creates by itself."""
    return f"""
[[kv_namespaces]]
binding = "KV"
[[r2_buckets]]
binding = "R2"
bucket_name = "{name}"
[[d1_databases]]
binding = "DB"
database_name = "{name}"
[[durable_objects.bindings]]
name = "COUNTER"
class_name = "Counter"
[[workflows]]
binding = "SLEEPER"
name = "{name}"
class_name = "Sleeper"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["Counter"]
[triggers]
crons = ["*/5 * * * *"]
"""


def test_deploy_when_resources_are_missing_then_it_makes_them(wrangler: Wrangler) -> None:
    write(wrangler, bound_config("provisioned"), name="provisioned", code=COUNTER)
    deployed = wrangler.run("deploy")
    call_api(wrangler, "POST", "/d1/database/provisioned/query", {"sql": "CREATE TABLE notes (text TEXT)"})

    assert all(f"{binding} provisioned" in deployed for binding in ("KV", "R2", "DB"))
    assert "workflow: provisioned" in deployed and "schedule: */5 * * * *" in deployed
    assert get(wrangler, "provisioned").text == "1"


@pytest.mark.full
def test_deploy_when_nothing_is_missing_then_it_makes_nothing(wrangler: Wrangler) -> None:
    write(wrangler, bound_config("again"), name="again", code=COUNTER)
    wrangler.run("deploy")
    wrangler.run("d1", "execute", "again", "--remote", "--command", "CREATE TABLE notes (text TEXT)")
    deployed = wrangler.run("deploy")

    assert "provisioned" not in deployed
    assert get(wrangler, "again").text == "1"
    assert len(wrangler.read("kv", "namespace", "list")) == 1


@pytest.mark.full
def test_whoami_then_the_user_and_the_account(wrangler: Wrangler) -> None:
    wrangler.run("d1", "create", "any")
    shown = wrangler.run("whoami")

    assert "developer@example.com" in shown and wrangler.account in shown


@pytest.mark.full
def test_d1_commands(wrangler: Wrangler) -> None:
    sql = "CREATE TABLE notes (text TEXT);\nINSERT INTO notes VALUES ('a; b');\n"
    (wrangler.folder / "notes.sql").write_text(sql)
    wrangler.run("d1", "create", "shop")
    listed = wrangler.read("d1", "list", "--json")
    wrangler.run("d1", "execute", "shop", "--remote", "--file", "notes.sql", "--yes")
    (selected,) = wrangler.read("d1", "execute", "shop", "--remote", "--json", "--command", "SELECT * FROM notes")
    described = wrangler.read("d1", "info", "shop", "--json")
    wrangler.run("d1", "export", "shop", "--remote", "--output", "dump.sql")
    bookmark = wrangler.read("d1", "time-travel", "info", "shop", "--json")["bookmark"]
    wrangler.run("d1", "execute", "shop", "--remote", "--command", "DELETE FROM notes")
    wrangler.run("d1", "time-travel", "restore", "shop", "--bookmark", bookmark)
    counted = wrangler.run(
        "d1", "execute", "shop", "--remote", "--json", "--command", "SELECT count(*) AS n FROM notes"
    )
    wrong = wrangler.fail("d1", "execute", "shop", "--remote", "--command", "SELEC 1")
    wrangler.run("d1", "delete", "shop", "--skip-confirmation")
    gone = wrangler.fail("d1", "info", "shop")

    assert [database["name"] for database in listed] == ["shop"]
    assert selected["results"] == [{"text": "a; b"}]
    assert described["num_tables"] == 1
    assert "CREATE TABLE notes (text TEXT);" in (wrangler.folder / "dump.sql").read_text()
    assert json.loads(counted)[0]["results"] == [{"n": 1}]
    assert "SQLITE_ERROR [code: 7500]" in wrong
    assert "Couldn't find a D1 DB" in gone


@pytest.mark.full
def test_d1_migrations_when_applied_then_not_again(wrangler: Wrangler) -> None:
    write(wrangler, '[[d1_databases]]\nbinding = "DB"\ndatabase_name = "shop"\n', name="migrated")
    migrations = wrangler.folder / "migrations"
    migrations.mkdir()
    (migrations / "0001_notes.sql").write_text("CREATE TABLE notes (text TEXT);")
    (migrations / "0002_wrong.sql").write_text("CREATE TABLE others (text TEXT); INSERT INTO missing VALUES (1);")
    wrangler.run("d1", "create", "shop")
    failed = wrangler.fail("d1", "migrations", "apply", "shop", "--remote")
    (migrations / "0002_wrong.sql").write_text("CREATE TABLE others (text TEXT);")
    pending = wrangler.run("d1", "migrations", "list", "shop", "--remote")
    wrangler.run("d1", "migrations", "apply", "shop", "--remote")
    done = wrangler.run("d1", "migrations", "apply", "shop", "--remote")

    assert "no such table: missing" in failed
    assert "0002_wrong.sql" in pending and "0001_notes.sql" not in pending
    assert "No migrations to apply" in done


@pytest.mark.full
def test_kv_commands(wrangler: Wrangler) -> None:
    (wrangler.folder / "pairs.json").write_text('[{"key": "x", "value": "1"}, {"key": "y", "value": "2"}]')
    (wrangler.folder / "keys.json").write_text('["x"]')
    wrangler.run("kv", "namespace", "create", "CACHE")
    taken = wrangler.fail("kv", "namespace", "create", "CACHE")
    (namespace,) = wrangler.read("kv", "namespace", "list")
    where = ("--namespace-id", namespace["id"], "--remote")
    wrangler.run("kv", "key", "put", "a/b", "a value", "--metadata", '{"colour": "blue"}', *where)
    read = wrangler.run("kv", "key", "get", "a/b", *where)
    wrangler.run("kv", "bulk", "put", "pairs.json", *where)
    several = wrangler.run("kv", "bulk", "get", "keys.json", *where)
    wrangler.run("kv", "bulk", "delete", "keys.json", "--force", *where)
    wrangler.run("kv", "key", "delete", "y", *where)
    keys = wrangler.read("kv", "key", "list", *where)
    wrangler.run("kv", "namespace", "rename", "--namespace-id", namespace["id"], "--new-name", "OTHER")
    (renamed,) = wrangler.read("kv", "namespace", "list")
    wrangler.run("kv", "namespace", "delete", "--namespace-id", namespace["id"])

    assert "already exists" in taken
    assert read == "a value"
    assert '"x"' in several
    assert keys == [{"name": "a/b", "metadata": {"colour": "blue"}}]
    assert renamed["title"] == "OTHER"
    assert wrangler.read("kv", "namespace", "list") == []


@pytest.mark.full
def test_r2_commands(wrangler: Wrangler) -> None:
    content = os.urandom(1000)
    (wrangler.folder / "file.bin").write_bytes(content)
    wrangler.run("r2", "bucket", "create", "media")
    exists = wrangler.fail("r2", "bucket", "create", "media")
    wrangler.run("r2", "object", "put", "media/a/b.bin", "--file", "file.bin", "--remote")
    wrangler.run("r2", "object", "get", "media/a/b.bin", "--file", "copy.bin", "--remote")
    listed, described = wrangler.run("r2", "bucket", "list"), wrangler.run("r2", "bucket", "info", "media")
    full = wrangler.fail("r2", "bucket", "delete", "media")
    wrangler.run("r2", "object", "delete", "media/a/b.bin", "--remote")
    missing = wrangler.fail("r2", "object", "get", "media/a/b.bin", "--pipe", "--remote")
    wrangler.run("r2", "bucket", "delete", "media")

    assert "[code: 10004]" in exists
    assert (wrangler.folder / "copy.bin").read_bytes() == content
    assert "media" in listed and "Standard" in described
    assert "[code: 10008]" in full
    assert "does not exist" in missing


@pytest.mark.full
def test_version_commands(wrangler: Wrangler) -> None:
    write(wrangler, name="versioned")
    wrangler.run("deploy")
    write(wrangler, name="versioned", code=CODE.replace("one", "two"))
    uploaded = wrangler.run("versions", "upload")
    first, second = [version["id"] for version in wrangler.read("versions", "list", "--json")]
    preview = get(wrangler, f"{second[:8]}-versioned").text
    viewed = wrangler.run("versions", "view", second)
    before = get(wrangler, "versioned").text
    wrangler.run("versions", "deploy", f"{second}@100%", "--yes")
    after = get(wrangler, "versioned").text
    wrangler.run("rollback", first, "--yes", "--message", "back")
    deployments = wrangler.read("deployments", "list", "--json")

    assert f"https://{second[:8]}-versioned.emulated.workers.dev" in uploaded
    assert (preview, before, after, get(wrangler, "versioned").text) == ("two", "one", "two", "one")
    assert "2026-10-01" in viewed
    assert len(deployments) == 3


@pytest.mark.full
def test_secret_commands(wrangler: Wrangler) -> None:
    write(wrangler, name="secretive", code="export default { fetch: (_, env) => Response.json(env) };")
    (wrangler.folder / "secrets.json").write_text('{"FIRST": "1"}')
    (wrangler.folder / "more.json").write_text('{"SECOND": "2"}')
    wrangler.run("deploy", "--secrets-file", "secrets.json")
    wrangler.run("secret", "bulk", "more.json")
    wrangler.run("secret", "delete", "FIRST")

    assert [secret["name"] for secret in wrangler.read("secret", "list")] == ["SECOND"]
    assert get(wrangler, "secretive").json() == {"SECOND": "2"}


@pytest.mark.full
def test_workflow_commands(wrangler: Wrangler) -> None:
    write(wrangler, bound_config("resting"), name="resting", code=COUNTER)
    wrangler.run("deploy")
    wrangler.run("workflows", "trigger", "resting", '{"seconds": 0.1}')
    short = re.findall(r"[0-9a-f-]{36}", wrangler.run("workflows", "instances", "list", "resting"))[0]
    wrangler.run("workflows", "trigger", "resting", "{}", "--id", "long")
    described = wrangler.run("workflows", "describe", "resting")
    wrangler.run("workflows", "instances", "terminate", "resting", "long")
    instances = wrangler.run("workflows", "instances", "list", "resting")
    wait_for_instance(wrangler, "resting", short)
    ended = wrangler.run("workflows", "instances", "describe", "resting", short)
    wrangler.run("workflows", "delete", "resting")
    none = wrangler.fail("workflows", "describe", "resting")

    assert "Sleeper" in described
    assert "Terminated" in instances and "Invalid Date" not in instances
    assert "Completed" in ended and "a while-1" in ended
    assert "[code: 10200]" in none


def wait_for_instance(wrangler: Wrangler, workflow: str, id_: str) -> None:
    for _ in range(100):
        found = call_api(wrangler, "GET", f"/workflows/{workflow}/instances/{id_}")
        if found["status"] == "complete":
            return
        time.sleep(0.1)
    raise AssertionError(f"the instance never ended: {found}")


@pytest.mark.full
def test_deploy_when_the_object_class_is_elsewhere_then_in_order(wrangler: Wrangler) -> None:
    owner = bound_config("owner")
    borrowed = '[[durable_objects.bindings]]\nname = "COUNTER"\nclass_name = "Counter"\nscript_name = "owner"\n'
    code = "export default { fetch: async (_, env) => Response.json(await env.COUNTER.getByName('x').count()) };"
    write(wrangler, borrowed, name="borrower", code=code)
    refused = wrangler.fail("deploy")
    write(wrangler, owner, name="owner", code=COUNTER)
    wrangler.run("deploy")
    write(wrangler, borrowed, name="borrower", code=code)
    wrangler.run("deploy")
    answer = get(wrangler, "borrower").text
    # Without a terminal, wrangler answers its own question whether to break the other Worker.
    deleted = wrangler.run("delete", "--name", "owner")

    assert "[code: 10061]" in refused
    assert answer == "1"
    assert "Successfully deleted owner" in deleted
    assert get(wrangler, "owner").status_code == 404


@pytest.mark.full
def test_tail_when_the_worker_is_called_then_its_logs(wrangler: Wrangler) -> None:
    write(wrangler, bound_config("tailed"), name="tailed", code=COUNTER)
    wrangler.run("deploy")
    program = str(ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js")
    command = [str(NODE), program, "tail", "tailed", "--format", "json"]
    with subprocess.Popen(
        command, cwd=wrangler.folder, env=wrangler.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as tail:
        assert tail.stdout
        lines = b""
        deadline = time.monotonic() + 30
        while lines.count(b"\n}\n") < 1 and time.monotonic() < deadline:
            # It prints nothing when it is connected, so ask until it shows a request.
            get(wrangler, "tailed/fail")
            if select.select([tail.stdout], [], [], 0.5)[0]:
                lines += os.read(tail.stdout.fileno(), 65_536)
        tail.terminate()
    event = json.JSONDecoder().raw_decode(lines.decode())[0]

    assert (event["scriptName"], event["outcome"]) == ("tailed", "exception")
    assert event["event"]["request"]["url"] == "https://tailed.emulated.workers.dev/fail"
    assert event["logs"][0]["message"] == ["asked for", "/fail"]
    assert event["exceptions"][0]["message"] == "as asked"


@pytest.mark.full
def test_account_without_a_subdomain_then_deploy_says_so(wrangler: Wrangler) -> None:
    write(wrangler, name="homeless")
    environment = {**wrangler.environment, "CLOUDFLARE_API_TOKEN": "nosubdomain-1"}
    program = str(ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js")
    ended = subprocess.run(
        [str(NODE), program, "deploy"],
        cwd=wrangler.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "workers.dev" in ended.stderr
