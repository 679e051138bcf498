"""`npm run keys -- ... --remote` with the real wrangler, which calls a D1 API on loopback."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import keys
from electrons.keys import KeyRecord, parse
from setup import ROOT


class D1Api:
    """`POST /accounts/{id}/d1/database/{id}/query` over SQLite (https://developers.cloudflare.com/api/resources/d1/)."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.database.row_factory = sqlite3.Row
        for path in sorted((ROOT / "wrangler" / "migrations").glob("*.sql")):
            self.database.executescript(path.read_text())

    def run_query(self, body: str) -> dict[str, object]:
        self.bodies.append(body)
        results = []
        try:
            for statement in json.loads(body)["sql"].split("; "):
                rows = [dict(row) for row in self.database.execute(statement)]
                results.append({"results": rows, "success": True, "meta": {"duration": 0}})
        except sqlite3.Error as error:
            errors = [{"code": 7500, "message": f"{error}: SQLITE_ERROR"}]
            return {"success": False, "errors": errors, "messages": [], "result": []}
        return {"success": True, "errors": [], "messages": [], "result": results}

    def load_records(self) -> list[KeyRecord]:
        columns = ", ".join(field.name for field in fields(KeyRecord))
        rows = self.database.execute(f"SELECT {columns} FROM api_keys ORDER BY created_at")  # noqa: S608  # our own names
        return [KeyRecord(**dict(row)) for row in rows]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[D1Api]:
    api = D1Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path.startswith("/client/v4/accounts/account-1/d1/database/")
            assert self.headers["Authorization"] == "Bearer token-1"
            self.answer(api.run_query(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def do_GET(self) -> None:
            assert self.path.startswith("/client/v4/accounts/account-1/d1/database/de-database?")
            self.answer(
                {"success": True, "errors": [], "messages": [], "result": {"uuid": "id-1", "name": "de-database"}}
            )

        def answer(self, answer: dict[str, object]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(200 if answer["success"] else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with closing(api.database), ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", f"http://127.0.0.1:{server.server_port}/client/v4")
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "token-1")
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "account-1")
        yield api
        server.shutdown()
        thread.join()


def test_remote_when_a_key_is_created_then_its_hash_is_sent(
    api: D1Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--remote", "--name", "O'Brien's app", "--owner", "me", "--scopes", "text"]
    assert keys.main(["create", *arguments], state=tmp_path) == 0
    first = capsys.readouterr().out.strip()
    assert keys.main(["rotate", parse(first).id, "--remote"], state=tmp_path) == 0
    second = capsys.readouterr().out.strip()

    old, new = (next(record for record in api.load_records() if record.id == parse(key).id) for key in (first, second))
    assert first.startswith("de_live_") and second.startswith("de_live_")
    assert (old.hash, new.hash) == (parse(first).hash, parse(second).hash)
    assert (old.name, new.name) == ("O'Brien's app", "O'Brien's app")
    assert (old.expires_at is None, new.expires_at is None) == (False, True)
    assert not [body for body in api.bodies for key in (first, second) if key.split("_")[3] in body]
    assert list(tmp_path.iterdir()) == []


def test_remote_when_the_table_is_missing_then_one_error_line(api: D1Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.database.execute("DROP TABLE api_keys")

    assert keys.main(["list", "--remote"]) == 1

    output = capsys.readouterr()
    assert output.err.startswith("keys: wrangler could not use the database: ")
    assert "no such table: api_keys" in output.err
    assert output.out == ""
