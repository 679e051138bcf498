"""The table of executions: to whom a row belongs."""

import pytest

from electrons.testing import MemoryDatabase
from sandbox_executor.storage.executions import Execution, Executions
from tests.unit.test_storage_deployments import add_key


@pytest.mark.parametrize(("first_id", "is_found"), [("key-1", True), ("key-0", False), (None, False)])
async def test_execution_belongs_to_its_key_and_to_rotated_ones(first_id: str | None, is_found: bool) -> None:
    database = MemoryDatabase()
    executions = Executions(database)
    await add_key(database, "key-1")
    await add_key(database, "key-2", first_id=first_id)
    execution = Execution(id="e-1", request_id="r-1", task="t", model="m", key_id="key-1")
    await executions.insert(execution)

    assert await executions.find("e-1", key_id="key-1") is not None
    assert (await executions.find("e-1", key_id="key-2") is not None) == is_found
