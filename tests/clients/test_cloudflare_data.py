"""The official `cloudflare` client of PyPI reads and writes D1, KV and R2 at the emulator as at the vendor."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

import cloudflare
import httpx2
import pytest

from tests.clients.workers_api import ACCOUNT, connect_client, error_of
from tests.emulators.process import Emulators

pytestmark = pytest.mark.full

EMPTY = "e" * 32
"""An account of which a test counts all resources."""


@pytest.fixture(scope="module")
def client(running_emulators: Emulators) -> Iterator[cloudflare.Cloudflare]:
    with connect_client(running_emulators) as workers:
        yield workers.client


@pytest.fixture(scope="module")
def database(client: cloudflare.Cloudflare) -> str:
    created = client.d1.database.create(account_id=ACCOUNT, name=f"data-{uuid.uuid4().hex}")
    assert created.uuid
    return created.uuid


@pytest.fixture
def query(client: cloudflare.Cloudflare, database: str) -> Any:
    def run(sql: str, **fields: Any) -> list[Any]:
        return list(client.d1.database.query(database, account_id=ACCOUNT, sql=sql, **fields))

    return run


@pytest.fixture(scope="module")
def namespace(client: cloudflare.Cloudflare) -> str:
    created = client.kv.namespaces.create(account_id=ACCOUNT, title=uuid.uuid4().hex)
    assert created
    return created.id


def post(emulators: Emulators, path: str, body: object, *, account: str = ACCOUNT) -> dict[str, Any]:
    """Return `result` of a call that the client has no method for."""
    url = f"{emulators.url_of('cloudflare')}/accounts/{account}{path}"
    answer = httpx2.post(url, json=body, headers={"authorization": "Bearer any"}, trust_env=False).json()
    assert answer["success"], answer
    result: dict[str, Any] = answer["result"]
    return result


def test_statements_when_several_then_each_has_a_result(query: Any) -> None:
    sql = """CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); -- a comment; with a semicolon
      CREATE TRIGGER shout AFTER INSERT ON notes BEGIN UPDATE notes SET text = upper(text) WHERE id = new.id; END;
      INSERT INTO notes (text) VALUES ('one; two'), ('three');
      SELECT text FROM notes ORDER BY id;"""
    made, triggered, inserted, selected = query(sql)

    assert (made.results, triggered.results) == ([], [])
    assert inserted.meta.last_row_id == 2
    assert selected.results == [{"text": "ONE; TWO"}, {"text": "THREE"}]
    assert selected.meta.rows_read > 0


def test_parameters_when_given_then_they_are_bound(query: Any) -> None:
    (found,) = query("SELECT ? AS text, ?2 AS other", params=["it's", "x"])

    assert found.results == [{"text": "it's", "other": "x"}]


def test_statements_when_one_fails_then_none_has_run(query: Any) -> None:
    query("CREATE TABLE strict (text TEXT NOT NULL)")
    with pytest.raises(cloudflare.BadRequestError) as refused:
        query("INSERT INTO strict VALUES ('kept?'); INSERT INTO strict VALUES (NULL)")
    (counted,) = query("SELECT count(*) AS rows FROM strict")

    status, code, message = error_of(refused.value)
    assert (status, code) == (400, 7500)
    assert message.startswith("NOT NULL constraint failed: strict.text: SQLITE_CONSTRAINT")
    assert counted.results == [{"rows": 0}]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", 'near "SELEC": syntax error at offset 0: SQLITE_ERROR'),
        ("SELECT * FROM missing", "no such table: missing: SQLITE_ERROR"),
        ("-- nothing", "No SQL statements detected."),
    ],
)
def test_statement_when_wrong_then_7500(query: Any, sql: str, message: str) -> None:
    with pytest.raises(cloudflare.BadRequestError) as refused:
        query(sql)

    assert error_of(refused.value) == (400, 7500, message)


def test_raw_query_then_columns_and_rows(client: cloudflare.Cloudflare, database: str) -> None:
    (found,) = client.d1.database.raw(database, account_id=ACCOUNT, sql="SELECT 1 AS a, 'x' AS b")

    assert found.results is not None
    assert (found.results.columns, found.results.rows) == (["a", "b"], [[1, "x"]])


def test_databases_when_listed_then_in_pages(emulators: Emulators) -> None:
    with connect_client(emulators) as workers:
        databases = workers.client.d1.database
        names = [f"db-{number}" for number in range(5)]
        for name in names:
            databases.create(account_id=EMPTY, name=name)
        page = databases.list(account_id=EMPTY, page=2, per_page=2)
        paged = [found.name for found in databases.list(account_id=EMPTY, per_page=2)]
        described = databases.get("db-3", account_id=EMPTY)
        databases.delete(described.uuid or "", account_id=EMPTY)
        remaining = [found.name for found in databases.list(account_id=EMPTY)]

    assert [found.name for found in page.result] == names[2:4]
    assert paged == names
    assert (described.num_tables, described.name) == (0, "db-3")
    assert remaining == [name for name in names if name != "db-3"]


def test_database_when_it_does_not_exist_then_7404(client: cloudflare.Cloudflare) -> None:
    missing = str(uuid.UUID(int=0))
    with pytest.raises(cloudflare.NotFoundError) as refused:
        client.d1.database.get(missing, account_id=ACCOUNT)

    assert error_of(refused.value) == (404, 7404, f"The database {missing} could not be found")


def test_database_when_the_name_is_taken_then_7502(client: cloudflare.Cloudflare) -> None:
    client.d1.database.create(account_id=ACCOUNT, name="taken")
    with pytest.raises(cloudflare.BadRequestError) as refused:
        client.d1.database.create(account_id=ACCOUNT, name="taken")

    assert error_of(refused.value)[:2] == (400, 7502)


def test_file_when_imported_and_exported_then_it_is_the_same(emulators: Emulators, database: str, query: Any) -> None:
    sql = "CREATE TABLE letters (text TEXT);\nINSERT INTO letters VALUES ('a');\nINSERT INTO letters VALUES ('b');"
    etag = hashlib.md5(sql.encode(), usedforsecurity=False).hexdigest()
    path = f"/d1/database/{database}"
    started = post(emulators, f"{path}/import", {"action": "init", "etag": etag})
    uploaded = httpx2.put(started["upload_url"], content=sql, trust_env=False)
    ingest = {"action": "ingest", "etag": etag, "filename": started["filename"]}
    done = post(emulators, f"{path}/import", ingest)
    exported = post(emulators, f"{path}/export", {"output_format": "polling"})
    dump = httpx2.get(exported["result"]["signed_url"], trust_env=False).text

    assert uploaded.headers["etag"] == f'"{etag}"'
    assert (done["status"], done["result"]["num_queries"]) == ("complete", 3)
    assert "CREATE TABLE letters (text TEXT);" in dump
    assert """INSERT INTO "letters" ("text") VALUES('b');""" in dump
    assert query("SELECT count(*) AS rows FROM letters")[0].results == [{"rows": 2}]


def test_import_when_a_statement_fails_then_it_says_which(emulators: Emulators, database: str) -> None:
    sql = "CREATE TABLE never (text TEXT); INSERT INTO others VALUES (1);"
    etag = hashlib.md5(sql.encode(), usedforsecurity=False).hexdigest()
    path = f"/d1/database/{database}/import"
    started = post(emulators, path, {"action": "init", "etag": etag})
    httpx2.put(started["upload_url"], content=sql, trust_env=False)
    failed = post(emulators, path, {"action": "ingest", "etag": etag, "filename": started["filename"]})

    assert failed["status"] == "error"
    assert "no such table: others" in failed["errors"][0]


def test_time_travel_then_the_state_of_the_bookmark(emulators: Emulators, database: str, query: Any) -> None:
    query("CREATE TABLE history (text TEXT); INSERT INTO history VALUES ('before')")
    headers = {"authorization": "Bearer any"}
    url = f"{emulators.url_of('cloudflare')}/accounts/{ACCOUNT}/d1/database/{database}/time_travel"
    bookmark = httpx2.get(f"{url}/bookmark", headers=headers, trust_env=False).json()["result"]["bookmark"]
    query("DROP TABLE history; CREATE TABLE future (id INTEGER)")
    restored = httpx2.post(f"{url}/restore", params={"bookmark": bookmark}, headers=headers, trust_env=False)
    unknown = httpx2.post(f"{url}/restore", params={"bookmark": "0"}, headers=headers, trust_env=False)

    assert restored.json()["result"]["bookmark"] == bookmark
    assert query("SELECT text FROM history")[0].results == [{"text": "before"}]
    assert unknown.status_code == 400


def test_values_when_written_then_listed_in_pages(client: cloudflare.Cloudflare, namespace: str) -> None:
    values = client.kv.namespaces.values
    for number in range(12):
        values.update(f"key/{number:02}", account_id=ACCOUNT, namespace_id=namespace, value=f"value {number}".encode())
    read = values.get("key/03", account_id=ACCOUNT, namespace_id=namespace).read()
    keys = client.kv.namespaces.keys
    page = keys.list(namespace, account_id=ACCOUNT, limit=10)
    everything = [key.name for key in keys.list(namespace, account_id=ACCOUNT, limit=10, prefix="key/")]
    values.delete("key/03", account_id=ACCOUNT, namespace_id=namespace)
    with pytest.raises(cloudflare.NotFoundError) as refused:
        values.get("key/03", account_id=ACCOUNT, namespace_id=namespace)

    assert read == b"value 3"
    assert len(page.result) == 10
    assert everything == [f"key/{number:02}" for number in range(12)]
    assert error_of(refused.value)[:2] == (404, 10009)


def test_metadata_when_written_then_it_is_returned(client: cloudflare.Cloudflare, namespace: str) -> None:
    client.kv.namespaces.values.update(
        "k", account_id=ACCOUNT, namespace_id=namespace, value=b"v", metadata='{"colour": "blue"}'
    )

    found = client.kv.namespaces.metadata.get("k", account_id=ACCOUNT, namespace_id=namespace)
    assert found == {"colour": "blue"}


def test_namespace_when_the_title_is_taken_then_10014(client: cloudflare.Cloudflare) -> None:
    client.kv.namespaces.create(account_id=ACCOUNT, title="taken")
    with pytest.raises(cloudflare.BadRequestError) as refused:
        client.kv.namespaces.create(account_id=ACCOUNT, title="taken")

    assert error_of(refused.value)[:2] == (400, 10014)


def test_namespaces_when_listed_then_every_page_differs(emulators: Emulators) -> None:
    with connect_client(emulators) as workers:
        namespaces = workers.client.kv.namespaces
        for number in range(5):
            namespaces.create(account_id=EMPTY, title=f"title {number}")
        listed = [found.title for found in namespaces.list(account_id=EMPTY, per_page=2, order="title")]

    assert listed == [f"title {number}" for number in range(5)]


def test_objects_when_written_then_read_and_deleted(emulators: Emulators, client: cloudflare.Cloudflare) -> None:
    buckets = client.r2.buckets
    buckets.create(account_id=ACCOUNT, name="my-bucket")
    url = f"{emulators.url_of('cloudflare')}/accounts/{ACCOUNT}/r2/buckets/my-bucket/objects"
    headers = {"authorization": "Bearer any"}
    content = bytes(range(256))
    typed = {**headers, "content-type": "image/x-test"}
    written = httpx2.put(f"{url}/a/b.bin", content=content, headers=typed, trust_env=False).json()["result"]
    read = httpx2.get(f"{url}/a/b.bin", headers=headers, trust_env=False)
    listed = httpx2.get(url, params={"prefix": "a/"}, headers=headers, trust_env=False).json()
    with pytest.raises(cloudflare.ConflictError) as full:
        buckets.delete("my-bucket", account_id=ACCOUNT)
    httpx2.delete(f"{url}/a/b.bin", headers=headers, trust_env=False).raise_for_status()
    buckets.delete("my-bucket", account_id=ACCOUNT)
    with pytest.raises(cloudflare.NotFoundError) as missing:
        buckets.get("my-bucket", account_id=ACCOUNT)

    assert (written["key"], written["size"]) == ("a/b.bin", "256")
    assert (read.content, read.headers["content-type"]) == (content, "image/x-test")
    assert [found["key"] for found in listed["result"]] == ["a/b.bin"]
    assert error_of(full.value)[:2] == (409, 10008)
    assert error_of(missing.value)[:2] == (404, 10006)


def test_buckets_when_listed_then_by_cursor(emulators: Emulators) -> None:
    with connect_client(emulators) as workers:
        for number in range(3):
            workers.client.r2.buckets.create(account_id=EMPTY, name=f"bucket-{number}")
    url = f"{emulators.url_of('cloudflare')}/accounts/{EMPTY}/r2/buckets"
    headers = {"authorization": "Bearer any"}
    first = httpx2.get(url, params={"per_page": 2}, headers=headers, trust_env=False).json()
    rest = httpx2.get(
        url, params={"per_page": 2, "cursor": first["result_info"]["cursor"]}, headers=headers, trust_env=False
    ).json()

    assert [bucket["name"] for bucket in first["result"]["buckets"]] == ["bucket-0", "bucket-1"]
    assert [bucket["name"] for bucket in rest["result"]["buckets"]] == ["bucket-2"]
    assert rest["result_info"]["cursor"] == ""


@pytest.mark.parametrize("name", ["No", "x", "with_underscore", "-dash"])
def test_bucket_when_the_name_is_invalid_then_10005(client: cloudflare.Cloudflare, name: str) -> None:
    with pytest.raises(cloudflare.BadRequestError) as refused:
        client.r2.buckets.create(account_id=ACCOUNT, name=name)

    assert error_of(refused.value)[:2] == (400, 10005)
