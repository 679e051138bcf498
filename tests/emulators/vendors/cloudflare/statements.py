"""Several SQL statements in one text, as D1's API takes them."""

import re
import sqlite3

_SPACE = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$)|;)*", re.DOTALL)


def split_statements(sql: str) -> list[str]:
    """Return the statements of the text, without those that are empty or only comments."""
    statements = []
    start = 0
    for end in [found.end() for found in re.finditer(";", sql)]:
        # SQLite knows whether the semicolon is in a string, a comment or the body of a trigger.
        if sqlite3.complete_statement(sql[start:end]):
            statements.append(sql[start:end])
            start = end
    statements.append(sql[start:])
    return [statement.strip() for statement in statements if not _is_empty(statement)]


def _is_empty(statement: str) -> bool:
    found = _SPACE.match(statement)
    return found is not None and found.end() == len(statement)
