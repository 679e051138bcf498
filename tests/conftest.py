"""What all tests share: the emulators and the workers, each started once, as `npm start` starts them."""

import sys
from collections.abc import Iterator

import hypothesis
import pytest

import local
from platform_workers import find_workers
from tests.emulators.process import Emulators, start_emulators
from tests.platform import Platform
from tests.variants import VARIANTS

# The packages of the workers are imported as they are on workerd, where `src` is the root.
sys.path += [str(worker.sources) for worker in find_workers()]

# Examples are the same in every run, and none is a failure for being slow.
hypothesis.settings.register_profile("project", deadline=None, derandomize=True)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session")
def running_emulators() -> Iterator[Emulators]:
    """The emulators' process."""
    with start_emulators() as emulators:
        yield emulators


@pytest.fixture
def emulators(running_emulators: Emulators) -> Emulators:
    """The running emulators without faults, recorded requests or latency."""
    running_emulators.reset()
    return running_emulators


@pytest.fixture(scope="session")
def running_platform(running_emulators: Emulators, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """All workers on workerd, with a fresh state, and their variants."""
    state = tmp_path_factory.mktemp("state")
    local.migrate(state)
    with Platform.start(state=state, emulators=running_emulators, variants=VARIANTS) as platform:
        yield platform


@pytest.fixture
def platform(running_platform: Platform, emulators: Emulators) -> Platform:
    """The running workers, with emulators that have forgotten earlier tests."""
    return running_platform
