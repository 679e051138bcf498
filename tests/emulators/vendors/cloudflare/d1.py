"""D1: databases and queries. The data is SQLite, in the account's workerd, where the Workers' bindings have it too.

Sources: https://developers.cloudflare.com/api/resources/d1/ and the requests of wrangler 4.164.
"""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ...validation import describe_first_error
from ...vendor import Call, Response
from .accounts import Account
from .calls import account_of, page_of, parse_body
from .http import refusal, success
from .resources import Database
from .runtime import OperationError
from .statements import split_statements

_INVALID = 7400
_NO_DATABASE = 7404
_QUERY_FAILED = 7500
_NAME_TAKEN = 7502
_NAME = re.compile("[a-zA-Z0-9_-]{1,63}")
_COUNT_TABLES = "SELECT count(*) AS tables FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 4) <> '_cf_'"


class _Query(BaseModel):
    model_config = ConfigDict(strict=True)
    sql: str
    params: list[Any] = []


class _Queries(BaseModel):
    model_config = ConfigDict(strict=True)
    sql: str | None = None
    params: list[Any] = []
    batch: list[_Query] = []


def create_database(call: Call) -> Response:
    """Create a database."""
    account, body = account_of(call), parse_body(call)
    name = body.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refusal(400, _INVALID, "Invalid database name: it has 1 to 63 letters, digits, hyphens and underscores")
    with account.lock:
        if any(found.name == name for found in account.resources.databases.values()):
            raise refusal(400, _NAME_TAKEN, f"A database with name {name} already exists")
        database = Database(name, jurisdiction=body.get("jurisdiction"))
        account.resources.databases[database.id] = database
    account.platform.mark_outdated()
    return success(_describe(account, database))


def list_databases(call: Call) -> Response:
    """Return a page of databases, the oldest first; `name` selects those that contain it."""
    account, name = account_of(call), call.query_value("name")
    page = page_of(call, [found for found in account.resources.databases.values() if name in found.name], per_page=100)
    return success([_summarize(database) for database in page.items], result_info=page.info)


def get_database(call: Call) -> Response:
    """Return a database by its id or its name; `fields` selects fields."""
    account, database = account_of(call), database_of(call)
    fields = [name for name in call.query_value("fields").split(",") if name]
    if fields and not {"num_tables", "file_size"}.intersection(fields):
        summary = _summarize(database)
        return success({name: summary[name] for name in fields if name in summary})
    return success(_describe(account, database))


def delete_database(call: Call) -> Response:
    """Delete a database; bindings to it do not work any more."""
    account, database = account_of(call), database_of(call)
    with account.lock:
        account.resources.databases.pop(database.id, None)
    account.platform.mark_outdated()
    return success(None)


def query(call: Call) -> Response:
    """Run statements in one transaction: `sql` with one or several, or `batch`. Each has a result with `meta`."""
    return success(_run_queries(call))


def query_raw(call: Call) -> Response:
    """Run statements like `query`; the results have columns and rows."""
    results = _run_queries(call)
    for result in results:
        rows = result["results"]
        columns = list(rows[0]) if rows else []
        result["results"] = {"columns": columns, "rows": [list(row.values()) for row in rows]}
    return success(results)


def _run_queries(call: Call) -> list[dict[str, Any]]:
    account, database = account_of(call), database_of(call)
    try:
        body = _Queries.model_validate_json(call.body)
    except ValidationError as problem:
        raise refusal(400, _INVALID, describe_first_error(problem)) from problem
    queries = body.batch or [_Query(sql=body.sql or "", params=body.params)]
    return run(account, database, [(query.sql, query.params) for query in queries])


def run(account: Account, database: Database, queries: list[tuple[str, list[Any]]]) -> list[dict[str, Any]]:
    """Run texts of SQL, each with one or several statements, in one transaction. Raises `Refusal`."""
    statements = []
    for sql, params in queries:
        split = split_statements(sql)
        if params and len(split) > 1:
            raise refusal(400, _INVALID, "params go with a single statement; use batch for several")
        statements += [{"sql": statement, "params": params} for statement in split]
    if not statements:
        raise refusal(400, _QUERY_FAILED, "No SQL statements detected.")
    try:
        results: list[dict[str, Any]] = account.platform.call(
            bound=("d1", database.id), resource="d1", id=database.id, queries=statements
        )
    except OperationError as problem:
        raise refusal(400, _QUERY_FAILED, str(problem).removeprefix("D1_ERROR: ")) from problem
    return results


def database_of(call: Call) -> Database:
    """Return the database of the path, by its id or name. Raises `Refusal`."""
    wanted = call.params["database"]
    for found in account_of(call).resources.databases.values():
        if wanted in (found.id, found.name):
            return found
    raise refusal(404, _NO_DATABASE, f"The database {wanted} could not be found")


def _summarize(database: Database) -> dict[str, Any]:
    return {
        "uuid": database.id,
        "name": database.name,
        "version": "production",
        "created_at": database.created_at,
        "jurisdiction": database.jurisdiction,
    }


def _describe(account: Account, database: Database) -> dict[str, Any]:
    tables, size = 0, 12_288
    # A database that has not been bound yet is empty.
    if account.platform.is_bound("d1", database.id):
        (result,) = run(account, database, [(_COUNT_TABLES, [])])
        tables, size = result["results"][0]["tables"], result["meta"]["size_after"]
    return {
        **_summarize(database),
        "num_tables": tables,
        "file_size": size,
        "running_in_region": "WEUR",
        "read_replication": {"mode": "disabled"},
    }
