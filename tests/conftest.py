"""What all tests share: the emulators and the workers, each started once, as `npm start` starts them."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

import local
from platform_workers import find_workers
from tests.deployed import delete_deployed_workers
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


@pytest.fixture
def delete_deployed(running_emulators: Emulators) -> Iterator[None]:
    """Delete what the test deploys to the emulated Cloudflare: each of these Workers is a process of its own."""
    yield
    delete_deployed_workers(running_emulators)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local state with nothing but the tables, to be copied: wrangler takes seconds to make one."""
    state = tmp_path_factory.mktemp("migrated")
    local.migrate(state)
    return state


@pytest.fixture
def migrated_state(migrated: Path, tmp_path: Path) -> Path:
    """The folder of a fresh local state for one test."""
    return shutil.copytree(migrated, tmp_path / "state")


@pytest.fixture(scope="session")
def running_platform(
    running_emulators: Emulators, migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """All workers on workerd, with a fresh state, and their variants."""
    state = shutil.copytree(migrated, tmp_path_factory.mktemp("platform") / "state")
    with Platform.start(state=state, emulators=running_emulators, variants=VARIANTS) as platform:
        yield platform


@pytest.fixture
def platform(running_platform: Platform, emulators: Emulators) -> Platform:
    """The running workers, with emulators that have forgotten earlier tests."""
    return running_platform
