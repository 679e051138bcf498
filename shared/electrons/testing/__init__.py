"""Tests of a worker on plain CPython: a client that calls an `App` without a server, and bindings in memory.

    client = TestClient(app, http=httpx2.MockTransport(lambda request: httpx2.Response(200, json={...})))
    answer = await client.request("POST", "/generate", json={"prompt": "Hello"})
    assert answer.status == 200

Not vendored into workers. The same worker on workerd is what tests/workers looks at.
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
