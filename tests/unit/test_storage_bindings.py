"""A worker's bindings, and the ones in memory that tests use."""

from collections.abc import Callable

import pytest

from electrons.bindings import Bindings, Database
from electrons.errors import ConfigurationError, DatabaseError
from electrons.storage.keys import ApiKeys
from electrons.storage.ledger import UsageLedger
from electrons.testing import MemoryDatabase, MemoryKeyValueStore, create_memory_bindings


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("database", "DB"),
        ("cache", "CACHE"),
        ("rate_limiter", "RATE_LIMITER"),
    ],
)
def test_binding_when_missing_then_error_names_it(attribute: str, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"`{name}` is missing"):
        getattr(Bindings(), attribute)


@pytest.mark.parametrize("kind", [UsageLedger, ApiKeys])
def test_table_when_there_is_no_database_then_error_names_it(kind: Callable[[Database], object]) -> None:
    with pytest.raises(ConfigurationError, match="`DB` is missing"):
        Bindings().table(kind)


def test_table_when_asked_for_twice_then_the_same() -> None:
    bindings = create_memory_bindings()

    assert bindings.table(ApiKeys) is bindings.table(ApiKeys)
    assert isinstance(bindings.table(UsageLedger), UsageLedger)


def test_bindings_when_all_are_there_then_given() -> None:
    bindings = create_memory_bindings()

    assert (bindings.database, bindings.cache, bindings.rate_limiter) == (
        bindings.DB,
        bindings.CACHE,
        bindings.RATE_LIMITER,
    )


async def test_database_when_written_then_rows_are_read_as_dicts() -> None:
    database = MemoryDatabase()
    await database.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, weight REAL)")
    await database.execute("INSERT INTO things (name, weight) VALUES (?, ?)", "a", None)

    assert await database.query("SELECT * FROM things WHERE name = ?", "a") == [{"id": 1, "name": "a", "weight": None}]


async def test_database_when_new_then_tables_enforce_constraints() -> None:
    with pytest.raises(DatabaseError, match="NOT NULL"):
        await MemoryDatabase().execute("INSERT INTO usage (request_id) VALUES (?)", "id")


async def test_cache_when_its_time_has_passed_then_forgotten() -> None:
    now = 1000.0
    cache = MemoryKeyValueStore(clock=lambda: now)
    await cache.put("voices", "[]", ttl_seconds=60)

    assert await cache.get("voices") == "[]"
    now += 60
    assert await cache.get("voices") is None
    assert await cache.get("other") is None


async def test_cache_when_ttl_is_below_kv_minimum_then_value_error() -> None:
    with pytest.raises(ValueError, match="60 seconds"):
        await MemoryKeyValueStore().put("voices", "[]", ttl_seconds=59)
