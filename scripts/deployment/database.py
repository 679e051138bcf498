"""The deployed D1 database, over Cloudflare's API."""

from __future__ import annotations

from dataclasses import dataclass

from database import Row, Statement, inline
from deployment.account import Account
from deployment.configs import database_name
from setup import SetupError


@dataclass(frozen=True, slots=True)
class AccountDatabase:
    """A D1 database of an account, as `database.Database`."""

    account: Account
    id: str

    def run(self, *statements: Statement) -> list[Row]:
        """Run all statements or none; return the rows of the last. Raises `SetupError`."""
        sql = "; ".join(inline(*statement) for statement in statements)
        results = self.account.post(f"/d1/database/{self.id}/query", {"sql": sql})
        rows: list[Row] = results[-1]["results"]
        return rows


def find_deployed_database(account: Account, environment: str) -> AccountDatabase:
    """Return the database of an environment. Raises `SetupError`."""
    name = database_name(environment)
    database_id = account.find_database(name)
    if database_id is None:
        raise SetupError(f"There is no D1 database {name}: `npm run deploy -- --env {environment}` creates it")
    return AccountDatabase(account, database_id)
