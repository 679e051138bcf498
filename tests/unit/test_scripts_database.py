"""SQL statements for wrangler, with their values as literals."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database import Value, inline

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
# SQLite rounds the last digit of very large and very small decimals in its own way.
numbers = st.integers(-(10**15), 10**15).map(lambda count: count / 1000)
values = st.none() | texts | st.integers(-(2**63), 2**63 - 1) | numbers


@given(st.lists(values, min_size=1, max_size=4))
def test_inline_when_sqlite_reads_it_then_the_same_values(given_values: list[Value]) -> None:
    statement = inline(f"SELECT {', '.join('?' for _ in given_values)}", given_values)

    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(statement).fetchall() == [tuple(given_values)]


@pytest.mark.parametrize("name", ["O'Brien", "'); DROP TABLE api_keys; --", "a?b", 'say "no"', "ünï — 中"])
def test_inline_when_a_name_has_quotes_or_marks_then_one_value(name: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(inline("SELECT ?, ?", [name, 1])).fetchall() == [(name, 1)]


@pytest.mark.parametrize(("sql", "count"), [("SELECT ?", 0), ("SELECT ?", 2), ("SELECT 1", 1)])
def test_inline_when_the_value_count_is_wrong_then_value_error(sql: str, count: int) -> None:
    with pytest.raises(ValueError, match="question marks"):
        inline(sql, ["x"] * count)


def test_inline_when_a_string_has_a_null_then_value_error() -> None:
    with pytest.raises(ValueError, match="null character"):
        inline("SELECT ?", ["a\0b"])
