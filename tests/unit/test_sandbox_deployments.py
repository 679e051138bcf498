"""`/deploy`: whose a Worker is, and what becomes of one that was changed elsewhere."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from electrons.bindings import Bindings
from electrons.keys import parse
from electrons.settings import Secret
from electrons.testing import TestClient, TestResponse, create_key, create_memory_bindings
from sandbox_executor.routes import app
from sandbox_executor.settings import SandboxSettings
from tests.providers.cloudflare_account import Cloudflare, deployments, failing, refusal

SCOPES = ("sandbox:execute", "sandbox:deploy", "sandbox:commit")
SETTINGS = SandboxSettings(
    declared={
        "ANTHROPIC_API_KEY": Secret("key"),
        "CLOUDFLARE_API_TOKEN": Secret("token"),
        "CLOUDFLARE_ACCOUNT_ID": "account-1",
    },
    allowed_worker_prefixes="*",
    max_retries=0,
)


class Caller:
    """A caller with a key of its own, at a platform that it may share with others."""

    def __init__(self, key: str, *, bindings: Bindings, cloudflare: Cloudflare) -> None:
        self.key_id = parse(key).id
        self._key = key
        self._client = TestClient(
            app, settings=SETTINGS, bindings=bindings, http=httpx2.MockTransport(cloudflare.respond)
        )

    async def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> TestResponse:
        return await self._client.request(method, path, json=body, headers={"Authorization": f"Bearer {self._key}"})

    async def deploy(self, **fields: Any) -> TestResponse:
        body = {"worker_name": "hello", "code": "export default {}", "workers_dev": False, **fields}
        return await self.request("POST", "/deploy", body)


async def create_callers(cloudflare: Cloudflare, *, count: int = 2) -> list[Caller]:
    bindings = create_memory_bindings()
    keys = [await create_key(bindings.database, *SCOPES) for _ in range(count)]
    return [Caller(key, bindings=bindings, cloudflare=cloudflare) for key in keys]


def error_of(response: TestResponse, status: int, code: str) -> str:
    body = response.json()
    assert (response.status, body["error_code"]) == (status, code), body
    return str(body["error"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/deploy/hello", 404, "NOT_FOUND"),
        ("DELETE", "/deploy/hello", 409, "CONFLICT"),
        ("POST", "/deploy/hello/rollback", 409, "CONFLICT"),
    ],
)
async def test_worker_of_another_key_is_neither_shown_nor_changed(
    method: str, path: str, status: int, code: str
) -> None:
    cloudflare = Cloudflare()
    owner, other = await create_callers(cloudflare)
    assert (await owner.deploy()).status == 200
    assert (await owner.deploy()).status == 200

    error_of(await other.request(method, path), status, code)

    assert cloudflare.live == "v2"
    assert (await owner.request("GET", "/deploy/hello")).json()["status"] == "deployed"


async def test_worker_of_another_key_is_not_overwritten() -> None:
    cloudflare = Cloudflare()
    owner, other = await create_callers(cloudflare)
    await owner.deploy(secrets={"TOKEN": "s3cret-token"})

    error = error_of(await other.deploy(), 409, "CONFLICT")

    assert "belongs to another API key" in error
    assert cloudflare.live == "v1"


async def test_execution_over_another_keys_worker_is_refused_unpaid() -> None:
    owner, other = await create_callers(Cloudflare())
    await owner.deploy()

    body = {"task": "Write a greeter", "auto_deploy": True, "worker_name": "hello"}
    error = error_of(await other.request("POST", "/execute", body), 409, "CONFLICT")

    assert "belongs to another API key" in error


async def test_worker_is_shared_with_the_key_that_replaces_its_own() -> None:
    cloudflare, bindings = Cloudflare(), create_memory_bindings()
    old, new = [
        Caller(await create_key(bindings.database, *SCOPES), bindings=bindings, cloudflare=cloudflare) for _ in range(2)
    ]
    await old.deploy()
    await bindings.database.execute("UPDATE api_keys SET first_id = ? WHERE id = ?", old.key_id, new.key_id)

    shown = await new.request("GET", "/deploy/hello")

    assert (shown.status, shown.json()["status"], len(shown.json()["history"])) == (200, "deployed", 1)
    assert (await new.deploy()).status == 200
    assert (await old.request("POST", "/deploy/hello/rollback")).status == 200
    assert (await new.request("DELETE", "/deploy/hello")).status == 200
    assert cloudflare.live is None


async def test_name_of_a_deleted_worker_is_free_for_another_key() -> None:
    owner, other = await create_callers(Cloudflare())
    await owner.deploy()
    await owner.request("DELETE", "/deploy/hello")

    assert (await other.deploy()).status == 200

    history = (await other.request("GET", "/deploy/hello")).json()["history"]
    assert [each["action"] for each in history] == ["deploy"]
    error_of(await owner.request("GET", "/deploy/hello"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/deploy"), ("DELETE", "/deploy/hello"), ("POST", "/deploy/hello/rollback")]
)
@pytest.mark.parametrize("traffic", [{"by-hand": 100}, {"v2": 90, "by-hand": 10}])
async def test_worker_that_was_changed_elsewhere_is_left_alone(
    method: str, path: str, traffic: dict[str, float]
) -> None:
    cloudflare = Cloudflare()
    (owner,) = await create_callers(cloudflare, count=1)
    await owner.deploy()
    await owner.deploy()
    answer = httpx2.Response(200, json=deployments(traffic))
    cloudflare.fault = failing("GET", "/deployments", answer)
    calls = len(cloudflare.calls)

    response = await owner.deploy() if path == "/deploy" else await owner.request(method, path)

    assert "was changed elsewhere" in error_of(response, 409, "CONFLICT")
    assert not [call for call in cloudflare.calls[calls:] if not call.startswith("GET")]


async def test_worker_deleted_elsewhere_can_be_deployed_again() -> None:
    cloudflare = Cloudflare()
    (owner,) = await create_callers(cloudflare, count=1)
    await owner.deploy()
    cloudflare.live = None

    assert (await owner.deploy()).status == 200


async def test_unconfirmed_worker_can_be_deployed_again() -> None:
    cloudflare = Cloudflare()
    (owner,) = await create_callers(cloudflare, count=1)
    await owner.deploy()
    cloudflare.fault = failing("PUT", "/hello", httpx2.ReadError)
    assert (await owner.deploy()).json()["details"]["outcome"] == "unknown"
    cloudflare.live = "v2"  # what the lost request has made of it meanwhile
    cloudflare.versions.append("v2")

    assert (await owner.deploy()).status == 200


async def test_deletion_refused_in_a_200_is_a_recorded_failure() -> None:
    cloudflare = Cloudflare()
    (owner,) = await create_callers(cloudflare, count=1)
    await owner.deploy()
    cloudflare.fault = failing("DELETE", "/hello", httpx2.Response(200, json=refusal(10064, "in use")))

    response = await owner.request("DELETE", "/deploy/hello")

    error_of(response, 502, "DEPLOYMENT_FAILED")
    assert response.json()["details"]["errors"] == [{"code": 10064, "message": "in use"}]
    state = (await owner.request("GET", "/deploy/hello")).json()
    assert state["status"] == "deployed"
    assert (state["history"][0]["action"], state["history"][0]["error_code"]) == ("delete", "DEPLOYMENT_FAILED")


async def test_errors_that_quote_code_are_not_in_the_log() -> None:
    cloudflare = Cloudflare(fault=failing("PUT", "/hello", httpx2.Response(400, json=refusal(10021, "const plan = 1"))))
    (owner,) = await create_callers(cloudflare, count=1)

    response = await owner.deploy()

    assert response.json()["details"]["errors"] == [{"code": 10021, "message": "const plan = 1"}]
    assert "const plan" not in json.dumps(response.log)
