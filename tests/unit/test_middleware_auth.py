"""Who may call."""

from dataclasses import replace
from pathlib import Path

import pytest

from electrons.app import App
from electrons.bindings import Bindings, Row, Value
from electrons.context import Context
from electrons.errors import DatabaseError
from electrons.http import Response
from electrons.keys import generate, parse
from electrons.settings import Settings
from electrons.storage.keys import UNKNOWN_PER_SENDER
from electrons.testing import MemoryDatabase, TestClient, TestResponse, create_key

REQUIRED = Settings(rate_limit_policy="none")
OPEN = replace(REQUIRED, auth_mode="open")


def create_client(settings: Settings = REQUIRED, *, never_open: bool = False, database: object = None) -> TestClient:
    app = App("worker", scope="text", never_open=never_open)

    @app.get("/who")
    async def who(context: Context) -> Response:
        principal = context.principal
        return Response.json(
            {
                "id": principal.id,
                "key_id": principal.key_id,
                "scopes": ["*"] if principal.has_all_scopes else sorted(principal.scopes),
            }
        )

    @app.delete("/things/{name}", scope="sandbox:deploy")
    async def remove(context: Context) -> Response:
        return Response.json({"removed": context.path_parameters["name"]})

    @app.post("/execute")
    async def execute(context: Context) -> Response:
        context.principal.require("sandbox:commit")
        return Response.json({})

    @app.get("/media", public=True)
    async def media(_context: Context) -> Response:
        return Response.json({})

    bindings = Bindings(DB=MemoryDatabase() if database is None else database)  # type: ignore[arg-type]
    return TestClient(app, settings=settings, bindings=bindings)


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status, answer.json()["error_code"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"CF-Connecting-IP": "203.0.113.7"}, "203.0.113.7"),
        ({"CF-Connecting-IP": "2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"),
        ({"CF-Connecting-IP": "2001:DB8:1:2::9"}, "2001:db8:1:2::/64"),
        ({"CF-Connecting-IP": "::ffff:203.0.113.7"}, "203.0.113.7"),
        ({"CF-Connecting-IP": "x" * 300}, "unknown"),
        ({}, "local"),
    ],
)
async def test_auth_when_open_then_the_callers_address_is_who_calls(address: dict[str, str], expected: str) -> None:
    answer = await create_client(OPEN).request("GET", "/who", headers=address)

    assert answer.json() == {"id": expected, "key_id": None, "scopes": ["*"]}


async def test_open_access_counts_by_address_even_with_a_key() -> None:
    client = create_client(OPEN)
    key = await create_key(client.bindings.database, "audio")

    assert (await client.request("GET", "/who", headers={"X-API-Key": key})).json()["id"] == "local"


@pytest.mark.parametrize(
    "header",
    ["Authorization: Bearer KEY", "authorization:  bearer  KEY ", "X-API-Key: KEY", "x-api-key: KEY"],
)
async def test_auth_when_key_has_scope_then_caller_is_key_id(header: str) -> None:
    client = create_client()
    key = await create_key(client.bindings.database, "text", "image")
    name, _, value = header.replace("KEY", key).partition(":")

    answer = await client.request("GET", "/who", headers={name: value})

    key_id = parse(key).id
    assert answer.json() == {"id": key_id, "key_id": key_id, "scopes": ["image", "text"]}


async def test_auth_when_both_headers_are_sent_then_bearer_counts() -> None:
    client = create_client()
    key = await create_key(client.bindings.database, "text")

    both = await client.request("GET", "/who", headers={"Authorization": f"Bearer {key}", "X-API-Key": "any"})
    other_scheme = await client.request("GET", "/who", headers={"Authorization": "Basic YTpi", "X-API-Key": key})

    assert (both.status, other_scheme.status) == (200, 200)


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": " "}, {"Authorization": "Bearer "}, {"Authorization": "Basic YQ"}]
)
async def test_auth_when_key_is_missing_then_401_says_how_to_send_one(headers: dict[str, str]) -> None:
    answer = await create_client().request("GET", "/who", headers=headers)

    assert refusal(answer) == (401, "UNAUTHORIZED")
    assert answer.json()["error"].startswith("API key required: send `Authorization: Bearer KEY`")
    assert answer.headers.get("WWW-Authenticate") == "Bearer"


@pytest.mark.parametrize("text", ["any", "sk-ant-api03-0123456789", "de_live_", "é", "de_live_" + "x" * 100_000])
async def test_auth_when_key_is_malformed_then_401_does_not_repeat_it(text: str) -> None:
    answer = await create_client().request("GET", "/who", headers={"X-API-Key": text})

    assert refusal(answer) == (401, "UNAUTHORIZED")
    assert "malformed" in answer.json()["error"]
    assert text not in answer.body.decode()


async def test_auth_when_the_key_is_mistyped_then_no_lookup() -> None:
    class TableOnly(MemoryDatabase):
        async def query(self, statement: str, *parameters: Value) -> list[Row]:
            assert "WHERE" not in statement
            return await super().query(statement, *parameters)

    key = generate("live")
    mistyped = key[:-1] + ("A" if key[-1] != "A" else "B")

    answer = await create_client(database=TableOnly()).request("GET", "/who", headers={"X-API-Key": mistyped})

    assert refusal(answer) == (401, "UNAUTHORIZED")


async def test_auth_when_key_is_invalid_then_text_does_not_reveal_why() -> None:
    client = create_client()
    database = client.bindings.database
    revoked, expired = await create_key(database, "text"), await create_key(database, "text")
    await database.execute("UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00Z' WHERE id = ?", parse(revoked).id)
    await database.execute("UPDATE api_keys SET expires_at = '2026-01-01T00:00:00Z' WHERE id = ?", parse(expired).id)

    answers = [
        await client.request("GET", "/who", headers={"X-API-Key": key})
        for key in (revoked, expired, generate("live"), generate("test"))
    ]

    assert {refusal(answer) for answer in answers} == {(401, "UNAUTHORIZED")}
    assert len({answer.json()["error"] for answer in answers}) == 1


async def test_auth_when_the_key_lacks_the_scope_then_403_names_it() -> None:
    client = create_client()
    text = await create_key(client.bindings.database, "text")
    deploy = await create_key(client.bindings.database, "sandbox:deploy")

    for key, method, path, scope in [
        (deploy, "GET", "/who", "text"),
        (text, "DELETE", "/things/one", "sandbox:deploy"),
        (text, "POST", "/execute", "sandbox:commit"),
    ]:
        answer = await client.request(method, path, headers={"X-API-Key": key})
        assert refusal(answer) == (403, "FORBIDDEN")
        assert answer.json()["error"] == f"This API key lacks the scope `{scope}`"
        assert answer.json()["details"] == {"scope": scope}
    removed = await client.request("DELETE", "/things/one", headers={"X-API-Key": deploy})
    assert removed.json() == {"removed": "one"}


async def test_auth_when_the_app_names_no_scope_then_any_key_will_do() -> None:
    app = App("worker")

    @app.get("/who")
    async def who(_context: Context) -> Response:
        return Response.json({})

    client = TestClient(app, settings=REQUIRED)
    key = await create_key(client.bindings.database)

    assert (await client.request("GET", "/who", headers={"X-API-Key": key})).status == 200
    assert (await client.request("GET", "/who")).status == 401


async def test_auth_when_app_is_never_open_then_open_mode_needs_key() -> None:
    client = create_client(OPEN, never_open=True)
    key = await create_key(client.bindings.database, "text")

    assert refusal(await client.request("GET", "/who")) == (401, "UNAUTHORIZED")
    assert (await client.request("GET", "/who", headers={"X-API-Key": key})).json()["key_id"] == parse(key).id


@pytest.mark.parametrize("path", ["/health", "/media"])
async def test_public_route_needs_no_key(path: str) -> None:
    for never_open in (False, True):
        assert (await create_client(never_open=never_open, database=DOWN).request("GET", path)).status == 200


class DownDatabase:
    """A database that cannot be reached."""

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        raise DatabaseError("D1_ERROR: D1 is down")

    async def execute(self, statement: str, *parameters: Value) -> None:
        raise DatabaseError("D1_ERROR: D1 is down")


DOWN = DownDatabase()


@pytest.mark.parametrize("credential", [{}, {"X-API-Key": "any"}, {"X-API-Key": generate("live")}])
@pytest.mark.parametrize("kind", ["down", "no table", "no binding"])
async def test_auth_when_key_table_is_unreadable_then_503_with_advice(
    kind: str, credential: dict[str, str], tmp_path: Path
) -> None:
    client = create_client(database=MemoryDatabase(tmp_path) if kind == "no table" else DOWN)
    if kind == "no binding":
        client.bindings = Bindings()

    answer = await client.request("GET", "/who", headers=credential)

    assert refusal(answer) == (503, "AUTH_UNAVAILABLE")
    for command in ("wrangler d1 migrations apply", "npm run keys -- create"):
        assert command in answer.json()["error"]
    cause = next(line["cause"] for line in answer.log if line["event"] == "failed")
    assert cause.split(": ", 1)[1].startswith(
        {"down": "D1_ERROR: D1 is down", "no table": "no such table: api_keys", "no binding": "The binding `DB`"}[kind]
    )


async def test_auth_when_a_key_is_used_then_the_time_is_noted() -> None:
    client = create_client()
    key = await create_key(client.bindings.database, "text")

    await client.request("GET", "/who", headers={"X-API-Key": key})

    (row,) = await client.bindings.database.query("SELECT last_used_at FROM api_keys")
    assert str(row["last_used_at"]).endswith("Z")


async def test_auth_when_key_is_cached_then_next_request_does_no_io() -> None:
    class Watched(MemoryDatabase):
        quiet = False

        async def query(self, statement: str, *parameters: Value) -> list[Row]:
            assert not self.quiet, statement
            return await super().query(statement, *parameters)

    database = Watched()
    client = create_client(database=database)
    key = await create_key(database, "text")
    await client.request("GET", "/who", headers={"X-API-Key": key})
    database.quiet = True

    assert (await client.request("GET", "/who", headers={"X-API-Key": key})).status == 200


async def test_address_that_a_local_caller_claims_does_not_count() -> None:
    client = create_client(replace(OPEN, local_run="true"))
    client.host = "localhost"

    answer = await client.request("GET", "/who", headers={"CF-Connecting-IP": "203.0.113.7"})

    assert answer.json()["id"] == "local"


async def test_auth_when_many_unknown_keys_then_429_for_that_address() -> None:
    client = create_client()
    good = await create_key(client.bindings.database, "text")
    noisy, other = {"CF-Connecting-IP": "203.0.113.7"}, {"CF-Connecting-IP": "203.0.113.8"}
    await client.request("GET", "/who", headers={"X-API-Key": good, **noisy})

    answers = [
        await client.request("GET", "/who", headers={"X-API-Key": generate("live"), **noisy})
        for _ in range(UNKNOWN_PER_SENDER + 1)
    ]

    assert {refusal(answer) for answer in answers[:-1]} == {(401, "UNAUTHORIZED")}
    assert refusal(answers[-1]) == (429, "RATE_LIMITED")
    assert 1 <= int(answers[-1].headers.get("Retry-After") or 0) <= 60
    assert (await client.request("GET", "/who", headers={"X-API-Key": good, **noisy})).status == 200
    assert (await client.request("GET", "/who", headers={"X-API-Key": generate("live"), **other})).status == 401
