"""D1: import and export of SQL files, and time travel.

wrangler uploads the file of `d1 execute --file` to a signed URL, and downloads `d1 export` from one. The state that a
bookmark stands for is kept as such a file; bookmarks exist for the moments that the API named one.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ...vendor import Call, Refusal, Response
from .accounts import Account
from .calls import account_of, parse_body
from .d1 import database_of, run
from .http import error, refusal, success
from .resources import Database
from .statements import split_statements

FILES = "/d1-files/"
"""The path of the signed URLs."""

_INVALID = 7400
_NO_BOOKMARK = 7501
_TABLES = (
    "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger', 'table')"
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY type DESC"
)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """The state of a database at a moment."""

    dump: str
    bookmark: str = field(default_factory=lambda: uuid.uuid4().hex)
    time: datetime = field(default_factory=lambda: datetime.now(UTC))


_files: dict[str, bytes] = {}
_checkpoints: dict[str, list[_Checkpoint]] = {}


def put_file(call: Call) -> Response:
    """Take the upload of a file; its `etag` is the MD5 of the content."""
    name = call.params["file"]
    if name not in _files:
        return error(404, "No upload is expected at this URL.")
    _files[name] = call.body
    return Response(200, [(b"etag", f'"{_md5(call.body)}"'.encode())], [b""])


def get_file(call: Call) -> Response:
    """Return an exported file."""
    if call.params["file"] not in _files:
        return error(404, "There is no file at this URL.")
    return Response(200, [(b"content-type", b"application/sql")], [_files[call.params["file"]]])


def import_file(call: Call) -> Response:
    """Take the steps of an import: `init` names the URL, `ingest` runs what was uploaded, `poll` asks for the end.

    The emulator runs the statements in `ingest`, in one transaction.
    """
    database, body = database_of(call), parse_body(call)
    match body.get("action"):
        case "init":
            name = f"{database.id}-{uuid.uuid4().hex}.sql"
            _files[name] = b""
            return success({"success": True, "filename": name, "upload_url": call.url_of(f"/cloudflare{FILES}{name}")})
        case "ingest":
            content = _files.get(str(body.get("filename")), b"")
            if _md5(content) != body.get("etag"):
                raise refusal(400, _INVALID, "The uploaded file has another etag.")
            return success(_ingest(account_of(call), database, content))
        case _:
            raise refusal(400, _INVALID, "action must be init or ingest: an ingestion is complete when it responds")


def _ingest(account: Account, database: Database, content: bytes) -> dict[str, Any]:
    messages = ["Processed the file."]
    try:
        results = run(account, database, [(content.decode(), [])])
    except (Refusal, UnicodeDecodeError) as problem:
        described = _text_of(problem)
        return {"success": True, "type": "import", "status": "error", "errors": [described], "messages": messages}
    total = {name: sum(result["meta"].get(name) or 0 for result in results) for name in ("duration", "changes")}
    rows = {name: sum(result["meta"].get(name) or 0 for result in results) for name in ("rows_read", "rows_written")}
    bookmark = _take_checkpoint(account, database).bookmark
    meta = {**results[-1]["meta"], **total, **rows}
    return {
        "success": True,
        "type": "import",
        "status": "complete",
        "at_bookmark": bookmark,
        "messages": messages,
        "result": {"num_queries": len(results), "final_bookmark": bookmark, "meta": meta},
    }


def _text_of(problem: Exception) -> str:
    if isinstance(problem, Refusal):
        return problem.response.frames[0].decode()
    return str(problem)


def export_file(call: Call) -> Response:
    """Export the database, or its `tables`, without the schema or the data if `dump_options` says so."""
    account, database, body = account_of(call), database_of(call), parse_body(call)
    options = body.get("dump_options") or {}
    dump = _dump(
        account,
        database,
        schema=not options.get("no_schema"),
        data=not options.get("no_data"),
        tables=list(options.get("tables") or []),
    )
    checkpoint = _take_checkpoint(account, database)
    name = f"{database.id}-{checkpoint.bookmark}.sql"
    _files[name] = dump.encode()
    return success(
        {
            "success": True,
            "type": "export",
            "status": "complete",
            "at_bookmark": checkpoint.bookmark,
            "messages": [],
            "result": {"filename": name, "signed_url": call.url_of(f"/cloudflare{FILES}{name}")},
        }
    )


def get_bookmark(call: Call) -> Response:
    """Return the bookmark of now, or of the last moment before `timestamp` that has one."""
    account, database = account_of(call), database_of(call)
    if timestamp := call.query_value("timestamp"):
        return success({"bookmark": _find_checkpoint(database, time=_read_time(timestamp)).bookmark})
    return success({"bookmark": _take_checkpoint(account, database).bookmark})


def restore(call: Call) -> Response:
    """Restore the state of a `bookmark`, or of the last bookmark before `timestamp`."""
    account, database = account_of(call), database_of(call)
    bookmark, timestamp = call.query_value("bookmark"), call.query_value("timestamp")
    wanted = _find_checkpoint(database, bookmark=bookmark, time=_read_time(timestamp) if timestamp else None)
    previous = _take_checkpoint(account, database)
    (found,) = run(account, database, [(_TABLES, [])])
    drops = [f'DROP {row["type"]} IF EXISTS "{row["name"]}";' for row in found["results"]]
    statements = ["PRAGMA defer_foreign_keys = on;", *drops, *split_statements(wanted.dump)]
    run(account, database, [(statement, []) for statement in statements])
    text = f"Database restored to bookmark {wanted.bookmark}."
    return success({"bookmark": wanted.bookmark, "previous_bookmark": previous.bookmark, "message": text})


def _read_time(text: str) -> datetime:
    try:
        read = datetime.fromtimestamp(float(text), UTC) if text.isdecimal() else datetime.fromisoformat(text)
    except ValueError:
        raise refusal(400, _INVALID, f"Invalid timestamp {text}") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _find_checkpoint(database: Database, *, bookmark: str = "", time: datetime | None = None) -> _Checkpoint:
    for checkpoint in reversed(_checkpoints.get(database.id, [])):
        if checkpoint.bookmark == bookmark or (time is not None and checkpoint.time <= time):
            return checkpoint
    raise refusal(400, _NO_BOOKMARK, "This emulator has no bookmark of that moment.")


def _take_checkpoint(account: Account, database: Database) -> _Checkpoint:
    checkpoint = _Checkpoint(_dump(account, database, schema=True, data=True, tables=[]))
    _checkpoints.setdefault(database.id, []).append(checkpoint)
    return checkpoint


def _dump(account: Account, database: Database, *, schema: bool, data: bool, tables: list[str]) -> str:
    options = {"schema": schema, "data": data, "tables": tables}
    dump: str = account.platform.call(bound=("d1", database.id), resource="d1_dump", id=database.id, **options)
    return dump


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
