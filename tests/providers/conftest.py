"""What the tests of flows over many calls share."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.providers.hub import README, Hub


class CreateHub(Protocol):
    def __call__(self, files: Mapping[str, bytes] = README, *, prefix: str = "test") -> Hub: ...


@pytest.fixture
async def create_hub(emulators: Emulators) -> AsyncIterator[CreateHub]:
    """Create repositories at the emulator of GitHub."""
    hubs: list[Hub] = []
    async with httpx2.AsyncHTTPTransport() as http:

        def create(files: Mapping[str, bytes] = README, *, prefix: str = "test") -> Hub:
            hubs.append(Hub(emulators, files, prefix=prefix, http=http))
            return hubs[-1]

        yield create
        for hub in hubs:
            hub.close()
