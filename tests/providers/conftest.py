"""What the tests of flows over many calls share."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import pytest

from tests.emulators.process import Emulators
from tests.providers.hub import README, Hub


class CreateHub(Protocol):
    def __call__(self, files: Mapping[str, bytes] = README, *, prefix: str = "test") -> Hub: ...


@pytest.fixture
async def create_hub(emulators: Emulators) -> AsyncIterator[CreateHub]:
    """Makes repositories at the emulator of GitHub."""
    hubs: list[Hub] = []

    def create(files: Mapping[str, bytes] = README, *, prefix: str = "test") -> Hub:
        hubs.append(Hub(emulators, files, prefix=prefix))
        return hubs[-1]

    yield create
    for hub in hubs:
        await hub.close()
