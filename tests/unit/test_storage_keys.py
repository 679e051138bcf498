"""Look-ups of API keys: what is remembered, for how long, and how many."""

import asyncio
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from electrons.bindings import Row, Value
from electrons.errors import DatabaseError
from electrons.keys import ParsedKey, generate, parse
from electrons.storage import keys as storage_keys
from electrons.storage.keys import (
    REMEMBERED,
    UNKNOWN_PER_ISOLATE,
    UNKNOWN_PER_SENDER,
    UNKNOWN_WINDOW_SECONDS,
    USE_NOTED_EVERY_SECONDS,
    ApiKeys,
    TooManyUnknownKeysError,
)
from electrons.testing import MemoryDatabase, create_key

MAX_AGE = 30.0
SENDER = "203.0.113.7"


class CountingDatabase(MemoryDatabase):
    """Notes every statement, and can be out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.statements: list[str] = []
        self.broken = False

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        self.statements.append(statement)
        if self.broken:
            raise DatabaseError("D1_ERROR: out of order")
        return await super().query(statement, *parameters)

    @property
    def lookups(self) -> int:
        return sum("WHERE id" in statement and statement.startswith("SELECT") for statement in self.statements)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def database() -> CountingDatabase:
    return CountingDatabase()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(database: CountingDatabase, clock: Clock) -> ApiKeys:
    return ApiKeys(database, clock=clock)


async def is_good(keys: ApiKeys, key: str, *, max_age_seconds: float = MAX_AGE) -> bool:
    return await keys.verify(parse(key), max_age_seconds=max_age_seconds, sender=SENDER) is not None


async def revoke(database: MemoryDatabase, key: str) -> None:
    await database.execute("UPDATE api_keys SET revoked_at = '2026-01-01T00:00:00Z' WHERE id = ?", parse(key).id)


async def test_verify_when_the_key_is_good_then_its_record(keys: ApiKeys, database: CountingDatabase) -> None:
    key = await create_key(database, "text", "audio", rate_limit_policy="none")

    record = await keys.verify(parse(key), max_age_seconds=MAX_AGE, sender=SENDER)

    assert record is not None
    assert (record.id, record.scopes, record.rate_limit_policy) == (parse(key).id, "text audio", "none")


async def test_verify_when_asked_again_in_time_then_no_second_lookup(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key = await create_key(database, "text")

    for _ in range(5):
        assert await is_good(keys, key)
        clock.now += MAX_AGE / 5
    assert database.lookups == 1
    assert await is_good(keys, key)
    assert database.lookups == 2


async def test_verify_when_revoked_then_refused_within_the_time(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key = await create_key(database, "text")
    assert await is_good(keys, key)
    await revoke(database, key)

    clock.now += MAX_AGE - 0.01
    assert await is_good(keys, key)
    clock.now += 0.01
    assert not await is_good(keys, key)


async def test_verify_when_max_age_is_zero_then_looked_up_each_time(keys: ApiKeys, database: CountingDatabase) -> None:
    key = await create_key(database, "text")
    assert await is_good(keys, key, max_age_seconds=0)
    await revoke(database, key)

    assert not await is_good(keys, key, max_age_seconds=0)


async def test_verify_when_the_lookup_took_long_then_its_time_counts(database: CountingDatabase, clock: Clock) -> None:
    class SlowDatabase(CountingDatabase):
        async def query(self, statement: str, *parameters: Value) -> list[Row]:
            rows = await super().query(statement, *parameters)
            clock.now += MAX_AGE
            return rows

    slow = SlowDatabase()
    key, keys = await create_key(slow, "text"), ApiKeys(slow, clock=clock)

    assert await is_good(keys, key)
    assert await is_good(keys, key)
    assert slow.lookups == 2


async def test_verify_when_the_clock_is_set_back_then_looked_up_again(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key = await create_key(database, "text")
    assert await is_good(keys, key)
    await revoke(database, key)

    clock.now -= 3600

    assert not await is_good(keys, key)


async def test_verify_when_cached_key_expires_then_refused_at_once(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key = await create_key(database, "text", expires_at=datetime.fromtimestamp(int(clock.now) + 10, UTC))

    assert await is_good(keys, key)
    clock.now = int(clock.now) + 10
    assert not await is_good(keys, key)
    assert database.lookups == 1


async def test_verify_when_only_the_id_is_right_then_refused(keys: ApiKeys, database: CountingDatabase) -> None:
    key = parse(await create_key(database, "text"))
    guess = ParsedKey(environment=key.environment, id=key.id, hash=parse(generate("live")).hash)

    assert await keys.verify(guess, max_age_seconds=MAX_AGE, sender=SENDER) is None


async def test_verify_when_hashes_are_compared_then_in_constant_time(
    keys: ApiKeys, database: CountingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, compared = await create_key(database, "text"), list[tuple[bytes, bytes]]()
    compare = hmac.compare_digest

    def watch(stored: bytes, given: bytes) -> bool:
        compared.append((stored, given))
        return compare(stored, given)

    monkeypatch.setattr(hmac, "compare_digest", watch)

    assert await is_good(keys, key)
    assert compared == [(parse(key).hash.encode(), parse(key).hash.encode())]


async def test_verify_when_id_is_unknown_then_result_is_cached(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key = generate("live")

    assert [await is_good(keys, key) for _ in range(3)] == [False] * 3
    assert database.lookups == 1
    clock.now += MAX_AGE
    assert not await is_good(keys, key)
    assert database.lookups == 2


async def test_made_up_ids_do_not_push_out_valid_keys(
    keys: ApiKeys, database: CountingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_keys, "UNKNOWN_PER_SENDER", 2 * REMEMBERED)
    monkeypatch.setattr(storage_keys, "UNKNOWN_PER_ISOLATE", 2 * REMEMBERED)
    key, first = await create_key(database, "text"), generate("live")
    assert await is_good(keys, key)
    assert not await is_good(keys, first)
    for _ in range(REMEMBERED):
        assert not await is_good(keys, generate("live"))
    database.statements.clear()

    assert await is_good(keys, key)
    assert database.lookups == 0
    assert not await is_good(keys, first)  # it was forgotten
    assert database.lookups == 1


async def test_verify_when_database_fails_then_cached_until_max_age(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key = await create_key(database, "text")
    assert await is_good(keys, key)
    database.broken = True

    assert await is_good(keys, key)
    clock.now += MAX_AGE
    with pytest.raises(DatabaseError, match="out of order"):
        await is_good(keys, key)


@pytest.mark.parametrize(
    ("column", "value"), [("expires_at", "next week"), ("rate_limit_policy", "100/min"), ("rate_limit_policy", "1")]
)
async def test_verify_when_row_is_malformed_then_database_error(
    keys: ApiKeys, database: CountingDatabase, column: str, value: str
) -> None:
    key = await create_key(database, "text")
    await database.execute(f"UPDATE api_keys SET {column} = ?", value)  # noqa: S608

    with pytest.raises(DatabaseError, match=f"{parse(key).id} cannot be read"):
        await is_good(keys, key)


async def test_verify_when_database_does_not_answer_then_times_out() -> None:
    class SilentDatabase(MemoryDatabase):
        async def query(self, statement: str, *parameters: Value) -> list[Row]:
            await asyncio.Event().wait()
            return []

    with pytest.raises(DatabaseError, match="no answer"):
        await ApiKeys(SilentDatabase(), timeout_seconds=0.001).check()


async def test_check_when_the_table_was_read_once_then_not_again(keys: ApiKeys, database: CountingDatabase) -> None:
    database.broken = True
    with pytest.raises(DatabaseError):
        await keys.check()
    database.broken = False
    for _ in range(3):
        await keys.check()

    assert len(database.statements) == 2


async def test_check_when_key_was_looked_up_before_then_reads_nothing(
    keys: ApiKeys, database: CountingDatabase
) -> None:
    assert not await is_good(keys, generate("live"))
    database.statements.clear()

    await keys.check()

    assert database.statements == []


async def test_note_use_when_repeated_then_written_once_a_minute(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key_id = parse(await create_key(database, "text")).id
    database.statements.clear()

    for _ in range(10):
        await keys.note_use(key_id)
        clock.now += (USE_NOTED_EVERY_SECONDS - 1) / 10
    assert len(database.statements) == 1
    assert not keys.is_use_due(key_id)
    clock.now += 1
    assert keys.is_use_due(key_id)
    await keys.note_use(key_id)

    assert len(database.statements) == 2
    ((used_at,),) = [row.values() for row in await database.query("SELECT last_used_at FROM api_keys")]
    used = datetime.fromisoformat(str(used_at))
    assert datetime.now(UTC) - used < timedelta(minutes=1)


async def unknown_key(keys: ApiKeys, sender: str) -> bool:
    """Look up a made-up key; return whether it was refused without a look-up."""
    try:
        await keys.verify(parse(generate("live")), max_age_seconds=MAX_AGE, sender=sender)
    except TooManyUnknownKeysError as error:
        assert 1 <= error.retry_after_seconds <= UNKNOWN_WINDOW_SECONDS
        return True
    return False


async def test_unknown_keys_when_one_sender_then_lookups_are_limited(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    refused = [await unknown_key(keys, SENDER) for _ in range(UNKNOWN_PER_SENDER + 20)]

    assert (refused.count(True), database.lookups) == (20, UNKNOWN_PER_SENDER)
    assert not await unknown_key(keys, "203.0.113.8")
    clock.now += UNKNOWN_WINDOW_SECONDS
    assert not await unknown_key(keys, SENDER)


async def test_unknown_keys_of_many_senders_are_bounded_together(keys: ApiKeys, database: CountingDatabase) -> None:
    refused = [await unknown_key(keys, f"sender {number}") for number in range(UNKNOWN_PER_ISOLATE + 20)]

    assert (refused.count(True), database.lookups) == (20, UNKNOWN_PER_ISOLATE)


async def test_verify_when_sender_is_limited_then_known_key_is_valid(
    keys: ApiKeys, database: CountingDatabase, clock: Clock
) -> None:
    key = await create_key(database, "text")
    assert await is_good(keys, key)
    for _ in range(UNKNOWN_PER_SENDER + 1):
        await unknown_key(keys, SENDER)

    clock.now += MAX_AGE

    assert await is_good(keys, key)
