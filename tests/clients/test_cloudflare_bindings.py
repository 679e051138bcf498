"""Workers with bindings to D1, KV, R2, Durable Objects and Workflows run with the data that the API shows."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cloudflare
import httpx2
import pytest

from tests.clients.workers_api import ACCOUNT, JAVASCRIPT, Workers, connect_client, error_of
from tests.emulators.process import Emulators

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("delete_deployed")]

COUNTER = """
import { DurableObject, WorkflowEntrypoint } from "cloudflare:workers";
export class Counter extends DurableObject {
  async add(number) {
    const total = ((await this.ctx.storage.get("total")) ?? 0) + number;
    await this.ctx.storage.put("total", total);
    return total;
  }
}
export class Doubler extends WorkflowEntrypoint {
  async run(event, step) {
    return step.do("double", async () => ({ doubled: event.payload.number * 2 }));
  }
}
const add = (namespace) => namespace.get(namespace.idFromName("x")).add(1);
"""
ADDING = COUNTER + "export default { fetch: async (_, env) => Response.json(await add(env.COUNTER)) };"
CODE = "export default { fetch: () => new Response('hello') };"
NEW = {"new_tag": "v1", "new_sqlite_classes": ["Counter"]}


@pytest.fixture
def workers(emulators: Emulators) -> Iterator[Workers]:
    with connect_client(emulators) as connected:
        yield connected


def upload(workers: Workers, name: str, code: str, bindings: list[dict[str, Any]], **metadata: Any) -> Any:
    fields = {"compatibility_date": "2026-10-01", "bindings": bindings, **metadata}
    return workers.upload(name, {"index.js": (code, JAVASCRIPT)}, main="index.js", **fields)


def counter_of(script: str | None = None, *, name: str = "COUNTER", class_name: str = "Counter") -> dict[str, Any]:
    binding = {"name": name, "type": "durable_object_namespace", "class_name": class_name}
    return {**binding, "script_name": script} if script else binding


def bindings_of(workers: Workers, name: str) -> list[dict[str, Any]]:
    """Return the bindings as the API sends them; the client parses only those that it knows."""
    settings = workers.scripts.script_and_version_settings.with_raw_response.get(name, account_id=ACCOUNT)
    bindings: list[dict[str, Any]] = settings.json()["result"]["bindings"]
    return bindings


def refused_upload(
    workers: Workers, name: str, bindings: list[dict[str, Any]], **metadata: Any
) -> tuple[int, int, str]:
    with pytest.raises(cloudflare.APIStatusError) as refused:
        upload(workers, name, COUNTER + "export default {}", bindings, **metadata)
    return error_of(refused.value)


def call_api(emulators: Emulators, method: str, path: str, **options: Any) -> httpx2.Response:
    url = f"{emulators.url_of('cloudflare')}/accounts/{ACCOUNT}{path}"
    return httpx2.request(method, url, headers={"authorization": "Bearer any"}, trust_env=False, timeout=30, **options)


def test_data_when_a_worker_writes_it_then_the_api_reads_it(workers: Workers, emulators: Emulators) -> None:
    client, suffix = workers.client, uuid.uuid4().hex
    database = client.d1.database.create(account_id=ACCOUNT, name=f"bound-{suffix}").uuid or ""
    created = client.kv.namespaces.create(account_id=ACCOUNT, title=f"bound-{suffix}")
    assert created
    namespace = created.id
    client.r2.buckets.create(account_id=ACCOUNT, name=f"bound-{suffix}")
    client.d1.database.query(database, account_id=ACCOUNT, sql="CREATE TABLE notes (text TEXT)")
    bindings = [
        {"name": "DB", "type": "d1", "id": database},
        {"name": "KV", "type": "kv_namespace", "namespace_id": namespace},
        {"name": "R2", "type": "r2_bucket", "bucket_name": f"bound-{suffix}"},
        {"name": "NAME", "type": "plain_text", "text": "plain"},
    ]
    code = """export default { async fetch(_, env) {
      await env.DB.prepare("INSERT INTO notes VALUES (?)").bind("from D1").run();
      await env.KV.put("key", "from KV");
      await env.R2.put("a/b", "from R2");
      return new Response(env.NAME);
    } }"""
    upload(workers, "writing", code, bindings)

    assert workers.get("writing").text == "plain"
    (found,) = client.d1.database.query(database, account_id=ACCOUNT, sql="SELECT text FROM notes")
    assert found.results == [{"text": "from D1"}]
    assert client.kv.namespaces.values.get("key", account_id=ACCOUNT, namespace_id=namespace).read() == b"from KV"
    assert call_api(emulators, "GET", f"/r2/buckets/bound-{suffix}/objects/a/b").content == b"from R2"
    assert bindings_of(workers, "writing") == bindings


def test_durable_object_when_bound_by_another_script_then_it_is_shared(workers: Workers) -> None:
    upload(workers, "owner", ADDING, [counter_of()], migrations=NEW)
    upload(workers, "borrower", ADDING, [counter_of("owner")])
    (described,) = bindings_of(workers, "borrower")

    assert [workers.get(name).json() for name in ("owner", "borrower", "owner")] == [1, 2, 3]
    assert described == {**counter_of("owner"), "namespace_id": bindings_of(workers, "owner")[0]["namespace_id"]}


def test_durable_object_when_its_code_changes_then_it_keeps_its_data(workers: Workers) -> None:
    upload(workers, "evolving", ADDING, [counter_of()], migrations=NEW)
    before = workers.get("evolving").json()
    workers.scripts.secrets.update("evolving", account_id=ACCOUNT, name="KEY", text="x", type="secret_text")
    upload(workers, "evolving", ADDING.replace("add(1)", "add(10)"), [counter_of()])

    assert (before, workers.get("evolving").json()) == (1, 11)


def test_migrations_when_a_class_is_renamed_then_it_keeps_its_data(workers: Workers, emulators: Emulators) -> None:
    upload(workers, "renaming", ADDING, [counter_of()], migrations=NEW)
    workers.get("renaming")
    renamed = {"old_tag": "v1", "new_tag": "v2", "steps": [{"renamed_classes": [{"from": "Counter", "to": "Tally"}]}]}
    code = ADDING.replace("Counter", "Tally")
    upload(workers, "renaming", code, [counter_of(class_name="Tally")], migrations=renamed)
    service = call_api(emulators, "GET", "/workers/services/renaming").json()["result"]
    classes = call_api(emulators, "GET", "/workers/durable_objects/namespaces").json()["result"]

    assert workers.get("renaming").json() == 2
    assert service["default_environment"]["script"]["migration_tag"] == "v2"
    assert [found["class"] for found in classes if found["script"] == "renaming"] == ["Tally"]


def test_migrations_when_a_class_is_deleted_then_so_is_its_data(workers: Workers) -> None:
    upload(workers, "deleting", ADDING, [counter_of()], migrations=NEW)
    workers.get("deleting")
    deleted = {"old_tag": "v1", "new_tag": "v2", "steps": [{"deleted_classes": ["Counter"]}]}
    still_bound = refused_upload(workers, "deleting", [counter_of()], migrations=deleted)
    upload(workers, "deleting", "export default { fetch: () => new Response('none') }", [], migrations=deleted)
    again = {"old_tag": "v2", "new_tag": "v3", "steps": [{"new_sqlite_classes": ["Counter"]}]}
    upload(workers, "deleting", ADDING, [counter_of()], migrations=again)

    assert still_bound[:2] == (400, 10061)
    assert workers.get("deleting").json() == 1


@pytest.mark.parametrize(
    ("bindings", "code", "text"),
    [
        ([{"name": "DB", "type": "d1", "id": str(uuid.UUID(int=0))}], 10181, "which was not found"),
        ([{"name": "KV", "type": "kv_namespace", "namespace_id": "0" * 32}], 10041, f"'{'0' * 32}' not found"),
        ([{"name": "R2", "type": "r2_bucket", "bucket_name": "none"}], 10085, "R2 bucket 'none' not found"),
        ([counter_of("nobody")], 10061, "in script 'nobody' that does not exist"),
        ([counter_of()], 10061, "'Counter' because it is not currently configured to implement Durable Objects"),
        ([{"name": "R2", "type": "r2_bucket"}], 10021, "must have a valid `bucket_name` specified"),
        ([{"name": "W", "type": "workflow", "workflow_name": "w"}], 10021, "must have a valid `class_name` specified"),
        ([{"name": "W", "type": "hyperdrive", "id": "x"}], 10021, "is not supported by this emulator"),
    ],
)
def test_binding_when_the_resource_is_missing_then_refused(
    workers: Workers, bindings: list[dict[str, Any]], code: int, text: str
) -> None:
    status, number, message = refused_upload(workers, "wanting", bindings)

    assert (status, number) == (400, code)
    assert text in message


@pytest.mark.parametrize(
    ("migrations", "status", "code"),
    [
        ({"new_tag": "v2", "new_sqlite_classes": ["Other"]}, 412, 10079),
        ({"old_tag": "v0", "new_tag": "v2", "new_sqlite_classes": ["Other"]}, 412, 10079),
        ({"old_tag": "v1", "new_tag": "v2", "new_sqlite_classes": ["Counter"]}, 400, 10074),
        ({"old_tag": "v1", "new_tag": "v2", "steps": [{"deleted_classes": ["Other"]}]}, 400, 10061),
        ({"old_tag": "v1", "new_tag": "v2", "new_sqlite_classes": ["NotExported"]}, 400, 10070),
    ],
)
def test_migration_when_impossible_then_nothing_changes(
    workers: Workers, migrations: dict[str, Any], status: int, code: int
) -> None:
    upload(workers, "migrating", ADDING, [counter_of()], migrations=NEW)
    refused = refused_upload(workers, "migrating", [counter_of()], migrations=migrations)

    assert refused[:2] == (status, code)
    assert workers.get("migrating").json() == 1


def test_class_when_no_longer_exported_then_10064(workers: Workers) -> None:
    upload(workers, "shrinking", ADDING, [counter_of()], migrations=NEW)
    with pytest.raises(cloudflare.BadRequestError) as refused:
        upload(workers, "shrinking", "export default { fetch: () => new Response('x') }", [])

    assert error_of(refused.value)[:2] == (400, 10064)
    assert workers.get("shrinking").json() == 1


def deploy_first_version(workers: Workers, name: str) -> None:
    oldest = list(workers.scripts.versions.list(name, account_id=ACCOUNT))[-1]
    share = {"version_id": oldest.id, "percentage": 100}
    workers.scripts.deployments.create(name, account_id=ACCOUNT, strategy="percentage", versions=[share])


def test_rollback_when_a_class_was_migrated_since_then_refused(workers: Workers) -> None:
    upload(workers, "forward", ADDING, [counter_of()], migrations=NEW)
    added = {"old_tag": "v1", "new_tag": "v2", "new_sqlite_classes": ["Second"]}
    upload(workers, "forward", ADDING + "export class Second extends Counter {}", [counter_of()], migrations=added)
    with pytest.raises(cloudflare.BadRequestError) as refused:
        deploy_first_version(workers, "forward")

    assert "Durable Object migration" in error_of(refused.value)[2]


def test_rollback_when_a_bucket_is_gone_then_refused(workers: Workers) -> None:
    workers.client.r2.buckets.create(account_id=ACCOUNT, name="short-lived")
    upload(workers, "bucketless", CODE, [{"name": "R2", "type": "r2_bucket", "bucket_name": "short-lived"}])
    upload(workers, "bucketless", CODE, [])
    workers.client.r2.buckets.delete("short-lived", account_id=ACCOUNT)
    with pytest.raises(cloudflare.BadRequestError) as refused:
        deploy_first_version(workers, "bucketless")

    assert error_of(refused.value)[:2] == (400, 10085)


def test_upload_when_too_large_then_10027(workers: Workers) -> None:
    with pytest.raises(cloudflare.APIStatusError) as refused:
        workers.upload(
            "heavy",
            {"index.js": (CODE, JAVASCRIPT), "noise.bin": (os.urandom(11_000_000), "application/octet-stream")},
            main="index.js",
        )

    assert error_of(refused.value)[1] == 10027


def test_observability_when_uploaded_then_in_the_settings(workers: Workers, emulators: Emulators) -> None:
    upload(workers, "observed", CODE, [], observability={"enabled": True})
    settings = call_api(emulators, "GET", "/workers/scripts/observed/script-settings").json()["result"]

    assert settings["observability"] == {"enabled": True}


def test_inherit_when_the_binding_exists_then_it_stays_bound(workers: Workers) -> None:
    upload(workers, "heir", ADDING, [counter_of()], migrations=NEW)
    upload(workers, "heir", ADDING, [{"name": "COUNTER", "type": "inherit"}])

    assert workers.get("heir").json() == 1


def test_workflow_when_started_then_it_runs_to_its_end(workers: Workers, emulators: Emulators) -> None:
    binding = {"name": "DOUBLER", "type": "workflow", "workflow_name": "doubling", "class_name": "Doubler"}
    code = (
        COUNTER
        + """export default { async fetch(_, env) {
      const instance = await env.DOUBLER.create({ params: { number: 4 } });
      return new Response(instance.id);
    } }"""
    )
    free = call_api(emulators, "GET", "/workflows/doubling")
    upload(workers, "calculating", code, [binding])
    named = call_api(
        emulators, "PUT", "/workflows/doubling", json={"script_name": "calculating", "class_name": "Doubler"}
    )
    by_worker = workers.get("calculating").text
    by_api = call_api(emulators, "POST", "/workflows/doubling/instances", json={"params": {"number": 5}})
    ids = [by_worker, by_api.json()["result"]["id"]]
    outputs = [wait_for_instance(emulators, "doubling", id_)["output"] for id_ in ids]
    listed = call_api(emulators, "GET", "/workflows/doubling/instances").json()["result"]
    described = call_api(emulators, "GET", "/workflows/doubling").json()["result"]
    removed = call_api(emulators, "DELETE", "/workflows/doubling").json()["result"]

    assert (free.status_code, free.json()["errors"][0]["code"]) == (404, 10200)
    assert named.json()["result"]["script_name"] == "calculating"
    assert outputs == [{"doubled": 8}, {"doubled": 10}]
    assert {instance["id"] for instance in listed} == set(ids)
    assert described["instances"]["complete"] == 2
    assert removed["success"] is True


def test_workflow_when_the_runtime_restarts_then_it_goes_on(workers: Workers, emulators: Emulators) -> None:
    binding = {"name": "W", "type": "workflow", "workflow_name": "patient", "class_name": "Patient"}
    code = """
    import { WorkflowEntrypoint } from "cloudflare:workers";
    export class Patient extends WorkflowEntrypoint {
      async run(event, step) {
        const first = await step.do("first", async () => crypto.randomUUID());
        await step.sleep("a while", 1500);
        return [first, await step.do("second", async () => "done")];
      }
    }
    export default { fetch: async (_, env) => new Response((await env.W.create()).id) };"""
    upload(workers, "waiting", code, [binding])
    call_api(emulators, "PUT", "/workflows/patient", json={"script_name": "waiting", "class_name": "Patient"})
    id_ = workers.get("waiting").text
    upload(workers, "waiting", code + "// changed", [binding])
    workers.get("waiting")
    instance = wait_for_instance(emulators, "patient", id_)

    assert instance["status"] == "complete"
    assert instance["output"][1] == "done"


def wait_for_instance(emulators: Emulators, workflow: str, id_: str) -> dict[str, Any]:
    for _ in range(200):
        instance: dict[str, Any] = call_api(emulators, "GET", f"/workflows/{workflow}/instances/{id_}").json()["result"]
        if instance["status"] in {"complete", "errored"}:
            return instance
        time.sleep(0.05)
    raise AssertionError(f"the instance never ended: {instance}")


@pytest.mark.parametrize("name", ["edge", "storage", "tail", "worker-loader"])
def test_script_when_named_like_a_part_of_the_emulator_then_it_runs(workers: Workers, name: str) -> None:
    upload(workers, name, ADDING, [counter_of(), {"name": "LOADER", "type": "worker_loader"}], migrations=NEW)

    assert workers.get(name).json() == 1


def test_workflow_when_its_class_is_not_exported_then_10021(workers: Workers) -> None:
    upload(workers, "healthy", ADDING, [counter_of()], migrations=NEW)
    binding = {"name": "W", "type": "workflow", "workflow_name": "none", "class_name": "Missing"}
    refused = refused_upload(workers, "unhealthy", [binding])
    upload(workers, "hopeful", CODE, [{**binding, "script_name": "healthy"}])

    assert refused[:2] == (400, 10021)
    assert (workers.get("healthy").json(), workers.get("hopeful").text) == (1, "hello")


def test_workflow_when_its_script_is_missing_then_refused(emulators: Emulators) -> None:
    wanted = {"script_name": "nobody", "class_name": "Doubler"}
    answer = call_api(emulators, "PUT", "/workflows/doubling", json=wanted)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 10201)


def test_deletion_when_others_use_the_objects_then_only_forced(workers: Workers, emulators: Emulators) -> None:
    upload(workers, "used", ADDING, [counter_of()], migrations=NEW)
    upload(workers, "using", ADDING, [counter_of("used")])
    references = call_api(emulators, "GET", "/workers/scripts/used/references").json()["result"]
    refused = call_api(emulators, "DELETE", "/workers/services/used?force=false")
    forced = call_api(emulators, "DELETE", "/workers/services/used?force=true")
    missing = call_api(emulators, "DELETE", "/workers/services/used?force=true")

    assert [reference["service"] for reference in references["durable_objects"]] == ["using"]
    assert (refused.status_code, forced.status_code, missing.status_code) == (400, 200, 404)
    assert workers.get("using").status_code == 500


def test_worker_when_it_blocks_the_shared_runtime_then_1102(workers: Workers) -> None:
    code = ADDING.replace(
        "fetch: async (_, env) =>",
        "fetch: async (request, env) => { if (new URL(request.url).pathname === '/loop') for (;;); return",
    ).replace(" };", "} };")
    upload(workers, "stuck", code, [counter_of()], migrations=NEW, limits={"cpu_ms": 1000})
    before = workers.get("stuck").json()
    blocked = workers.get("stuck/loop")

    assert (blocked.status_code, "Error 1102" in blocked.text) == (503, True)
    assert (before, workers.get("stuck").json()) == (1, 2)


def test_requests_when_the_worker_is_deployed_again_then_none_fails(workers: Workers) -> None:
    code = "export default { fetch: async (_, env) => { await scheduler.wait(50); return new Response(env.N); } };"

    def deploy(number: int) -> None:
        text = {"name": "N", "type": "plain_text", "text": str(number)}
        upload(workers, "busy", COUNTER + code, [counter_of(), text], **({} if number else {"migrations": NEW}))

    deploy(0)
    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(workers.get, "busy") for _ in range(10)]
        deploy(1)
        answers += [threads.submit(workers.get, "busy") for _ in range(10)]
        deploy(2)
    texts = [answer.result().text for answer in answers]

    assert set(texts) <= {"0", "1", "2"}
    assert workers.get("busy").text == "2"


def test_preview_when_enabled_then_the_new_version_responds(workers: Workers) -> None:
    workers.upload_text("previewed", "old")
    code = ("index.js", b"export default { fetch: () => new Response('new') }", JAVASCRIPT)
    version = workers.scripts.versions.with_raw_response.create(
        "previewed", account_id=ACCOUNT, metadata={"main_module": "index.js"}, files=[code]
    ).json()["result"]

    assert version["metadata"]["has_preview"] is True
    assert workers.get(f"{version['id'][:8]}-previewed").text == "new"
    assert workers.get("previewed").text == "old"
    assert workers.get("00000000-previewed").status_code == 404


def test_schedules_when_put_then_returned(workers: Workers) -> None:
    workers.upload_text("periodic", "hello")
    schedules = workers.scripts.schedules
    schedules.update("periodic", account_id=ACCOUNT, body=[{"cron": "*/5 * * * *"}])
    with pytest.raises(cloudflare.BadRequestError) as refused:
        schedules.update("periodic", account_id=ACCOUNT, body=[{"cron": "often"}])

    assert [found.cron for found in schedules.get("periodic", account_id=ACCOUNT).schedules] == ["*/5 * * * *"]
    assert error_of(refused.value)[:2] == (400, 10100)


SCHEDULED = (
    COUNTER
    + """export default {
  async scheduled(event, env) {
    if (event.cron === "0 0 1 1 *") throw new Error("not now");
    await env.KV.put("last", `${event.cron} ${event.scheduledTime % 60000}`);
  },
  fetch: async (_, env) => new Response(await env.KV.get("last")),
};"""
)


@pytest.mark.parametrize("bound", [True, False])
def test_schedule_when_run_then_the_handler_is_called(workers: Workers, emulators: Emulators, bound: bool) -> None:
    created = workers.client.kv.namespaces.create(account_id=ACCOUNT, title=uuid.uuid4().hex)
    assert created
    bindings = [{"name": "KV", "type": "kv_namespace", "namespace_id": created.id}] if bound else []
    upload(workers, "hourly", SCHEDULED, bindings)
    crons = ["0 * * * *", "0 0 1 1 *"]
    workers.scripts.schedules.update("hourly", account_id=ACCOUNT, body=[{"cron": cron} for cron in crons])
    url = f"{emulators.url}/cloudflare/scheduled/{ACCOUNT}/hourly"
    answers = [httpx2.post(url, params={"cron": cron}, trust_env=False).json() for cron in [*crons, "1 1 1 1 1"]]
    outcomes = [(answer["result"] or {}).get("outcome") for answer in answers]

    assert outcomes == ["ok" if bound else "exception", "exception", None]
    if bound:
        assert workers.get("hourly").text.startswith("0 * * * * ")


@pytest.mark.full
def test_schedule_when_its_minute_comes_then_it_runs(workers: Workers) -> None:
    created = workers.client.kv.namespaces.create(account_id=ACCOUNT, title=uuid.uuid4().hex)
    assert created
    upload(workers, "minutely", SCHEDULED, [{"name": "KV", "type": "kv_namespace", "namespace_id": created.id}])
    workers.scripts.schedules.update("minutely", account_id=ACCOUNT, body=[{"cron": "* * * * *"}])
    for _ in range(80):
        if workers.get("minutely").text == "* * * * * 0":
            return
        time.sleep(1)
    raise AssertionError("it has not run")
