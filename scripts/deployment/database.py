"""The deployed D1 database, over Cloudflare's API."""

from __future__ import annotations

from dataclasses import dataclass

from database import Row, Statement, inline
from deployment.account import Account


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
