"""Tests of a worker on plain CPython: a client that calls an `App` without a server, and bindings in memory.

    client = TestClient(app, http=httpx2.MockTransport(lambda request: httpx2.Response(200, json={...})))
    response = await client.request("POST", "/generate", json={"prompt": "Hello"})
    assert response.status == 200

Not vendored into workers. tests/workers has the tests of the same workers on workerd.
"""

from electrons.testing.bindings import (
    MemoryDatabase,
    MemoryKeyValueStore,
    MemoryObjectStore,
    MemorySql,
    create_key,
    create_memory_bindings,
    create_memory_rate_limiter,
)
from electrons.testing.client import TestClient, TestResponse

__all__ = [
    "MemoryDatabase",
    "MemoryKeyValueStore",
    "MemoryObjectStore",
    "MemorySql",
    "TestClient",
    "TestResponse",
    "create_key",
    "create_memory_bindings",
    "create_memory_rate_limiter",
]
