"""The table of deployments."""

from datetime import UTC, datetime, timedelta

import pytest

from electrons.testing import MemoryDatabase
from sandbox_executor.storage.deployments import PENDING_SECONDS, DeploymentRow, Deployments

DEPLOY = DeploymentRow(worker_name="hello", action="deploy", request_id="request-1", key_id="key-1")


async def begin(deployments: Deployments, row: DeploymentRow = DEPLOY) -> int:
    row_id = await deployments.insert_pending(row)
    assert row_id is not None
    return row_id


async def make_live(deployments: Deployments, version: str, *, previous: str | None = None) -> int:
    row_id = await begin(deployments)
    await deployments.succeed(
        row_id,
        "deployed",
        worker_name="hello",
        others="replaced",
        version=version,
        previous_version=previous,
        secret_names="A,B",
    )
    return row_id


async def age(database: MemoryDatabase) -> None:
    """Make all rows as old as an interrupted one."""
    moment = (datetime.now(UTC) - timedelta(seconds=PENDING_SECONDS + 1)).replace(tzinfo=None).isoformat() + "Z"
    await database.execute("UPDATE deployments SET created_at = ?", moment)


async def statuses(deployments: Deployments) -> list[str]:
    return [row.status for row in await deployments.load_history("hello", key_id="key-1", limit=10)]


async def test_inserted_row_is_pending_and_not_live() -> None:
    deployments = Deployments(MemoryDatabase())

    await begin(deployments)

    (row,) = await deployments.load_history("hello", key_id="key-1", limit=10)
    assert (row.status, row.action, row.request_id, row.key_id) == ("pending", "deploy", "request-1", "key-1")
    assert row.created_at == row.updated_at
    assert await deployments.find_live("hello", key_id="key-1") is None


async def test_pending_row_blocks_changes_of_its_worker_only() -> None:
    deployments = Deployments(MemoryDatabase())
    await begin(deployments)

    assert await deployments.insert_pending(DEPLOY) is None
    assert await deployments.insert_pending(
        DeploymentRow(worker_name="other", action="deploy", request_id="request-2", key_id="key-1")
    )


async def test_ended_row_blocks_no_change() -> None:
    deployments = Deployments(MemoryDatabase())
    await deployments.end(await begin(deployments), "failed", error_code="DEPLOYMENT_FAILED")

    assert await deployments.insert_pending(DEPLOY)
    assert await statuses(deployments) == ["pending", "failed"]


async def test_interrupted_row_counts_as_unconfirmed() -> None:
    database = MemoryDatabase()
    deployments = Deployments(database)
    await begin(deployments)
    await age(database)

    live = await deployments.find_live("hello", key_id="key-1")
    assert live is not None
    assert live.row.status == "unconfirmed"
    assert await deployments.insert_pending(DEPLOY)
    assert await statuses(deployments) == ["pending", "unconfirmed"]


async def test_succeed_when_others_were_live_then_only_this_one_is() -> None:
    deployments = Deployments(MemoryDatabase())
    await make_live(deployments, "v1")
    await deployments.end(await begin(deployments), "failed")
    await deployments.end(await begin(deployments), "unconfirmed")
    row_id = await make_live(deployments, "v2", previous="v1")

    assert await statuses(deployments) == ["deployed", "replaced", "failed", "replaced"]
    live = await deployments.find_live("hello", key_id="key-1")
    assert live is not None
    assert (live.row.id, live.row.version, live.row.previous_version, live.row.secrets) == (
        row_id,
        "v2",
        "v1",
        ["A", "B"],
    )


async def test_sure_row_is_live_before_an_unconfirmed_one() -> None:
    deployments = Deployments(MemoryDatabase())
    row_id = await make_live(deployments, "v1")
    await deployments.end(await begin(deployments), "unconfirmed")

    live = await deployments.find_live("hello", key_id="key-1")
    assert live is not None
    assert live.row.id == row_id
    assert not live.is_sure


async def test_find_live_when_it_was_deleted_then_none() -> None:
    deployments = Deployments(MemoryDatabase())
    await make_live(deployments, "v1")
    row_id = await begin(
        deployments, DeploymentRow(worker_name="hello", action="delete", request_id="request-2", key_id="key-1")
    )
    await deployments.succeed(row_id, "deleted", worker_name="hello", others="deleted")

    assert await deployments.find_live("hello", key_id="key-1") is None
    assert await statuses(deployments) == ["deleted", "deleted"]


async def test_upload_of_a_version_is_found() -> None:
    deployments = Deployments(MemoryDatabase())
    row_id = await make_live(deployments, "v1")
    rollback = await begin(
        deployments, DeploymentRow(worker_name="hello", action="rollback", request_id="request-2", key_id="key-1")
    )
    await deployments.succeed(rollback, "deployed", worker_name="hello", others="rolled_back", version="v1")

    found = await deployments.find_upload("hello", "v1")
    assert found is not None
    assert (found.id, found.status) == (row_id, "rolled_back")
    assert await deployments.find_upload("hello", "v9") is None
    assert await deployments.find_upload("other", "v1") is None


async def test_history_when_it_is_long_then_the_latest() -> None:
    deployments = Deployments(MemoryDatabase())
    for number in range(4):
        await make_live(deployments, f"v{number}")

    assert [row.version for row in await deployments.load_history("hello", key_id="key-1", limit=2)] == ["v3", "v2"]


async def add_key(database: MemoryDatabase, key_id: str, *, first_id: str | None = None) -> None:
    await database.execute(
        "INSERT INTO api_keys (id, environment, hash, name, owner, scopes, created_at, first_id) "
        "VALUES (?, 'live', '', '', '', '', '', ?)",
        key_id,
        first_id,
    )


async def test_worker_of_another_key_is_not_own() -> None:
    database = MemoryDatabase()
    deployments = Deployments(database)
    await add_key(database, "key-1")
    await add_key(database, "key-2")
    await make_live(deployments, "v1")

    live = await deployments.find_live("hello", key_id="key-2")
    assert live is not None
    assert (live.is_own, live.is_sure) == (False, True)
    assert await deployments.load_history("hello", key_id="key-2", limit=10) == []
    other = DeploymentRow(worker_name="hello", action="deploy", request_id="request-2", key_id="key-2")
    assert await deployments.insert_pending(other) is None


@pytest.mark.parametrize("first_id", ["key-1", "key-0"])
async def test_worker_belongs_to_every_key_of_a_line_of_rotation(first_id: str) -> None:
    database = MemoryDatabase()
    deployments = Deployments(database)
    await add_key(database, "key-1", first_id=None if first_id == "key-1" else first_id)
    await add_key(database, "key-2", first_id=first_id)
    await make_live(deployments, "v1")

    live = await deployments.find_live("hello", key_id="key-2")
    assert live is not None and live.is_own
    assert len(await deployments.load_history("hello", key_id="key-2", limit=10)) == 1
    successor = DeploymentRow(worker_name="hello", action="deploy", request_id="request-2", key_id="key-2")
    assert await deployments.insert_pending(successor)


async def test_worker_whose_deletion_is_done_is_free_for_another_key() -> None:
    deployments = Deployments(MemoryDatabase())
    await make_live(deployments, "v1")
    row_id = await begin(
        deployments, DeploymentRow(worker_name="hello", action="delete", request_id="request-2", key_id="key-1")
    )
    await deployments.succeed(row_id, "deleted", worker_name="hello", others="deleted")

    assert await deployments.find_live("hello", key_id="key-2") is None
    other = DeploymentRow(worker_name="hello", action="deploy", request_id="request-3", key_id="key-2")
    assert await deployments.insert_pending(other)
    assert [row.key_id for row in await deployments.load_history("hello", key_id="key-2", limit=10)] == ["key-2"]


async def test_worker_of_an_interrupted_change_keeps_its_key() -> None:
    database = MemoryDatabase()
    deployments = Deployments(database)
    await begin(deployments)
    await age(database)

    other = DeploymentRow(worker_name="hello", action="deploy", request_id="request-2", key_id="key-2")
    assert await deployments.insert_pending(other) is None
    live = await deployments.find_live("hello", key_id="key-2")
    assert live is not None
    assert (live.is_own, live.is_sure) == (False, False)
