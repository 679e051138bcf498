"""What all tests share: the emulators and the workers, each started once, as `npm start` starts them."""

import contextlib
import fcntl
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import hypothesis
import pytest

import local
from platform_workers import find_workers
from progress import Progress
from tests.deployed import delete_deployed_workers
from tests.emulators.process import Emulators, start_emulators
from tests.platform import Platform
from tests.report import Report
from tests.scheduling import Scheduling, choose_workers
from tests.variants import VARIANTS

# The packages of the workers are imported as they are on workerd, where `src` is the root.
sys.path += [str(worker.sources) for worker in find_workers()]

# Examples are the same in every run, and none is a failure for being slow.
hypothesis.settings.register_profile("project", deadline=None, derandomize=True)
hypothesis.settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--deployed`."""
    parser.addoption("--deployed", metavar="WORKER", help="run this worker's variants as deployments of their own")


def pytest_configure(config: pytest.Config) -> None:
    """Report time and memory, unless this is a process of another pytest."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report())


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Divide the tests between the processes of `npm test`."""
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def running_emulators() -> Iterator[Emulators]:
    """Run the emulators."""
    with start_emulators() as emulators:
        yield emulators


@pytest.fixture
def emulators(running_emulators: Emulators) -> Emulators:
    """Return the running emulators without faults, recorded requests or latency."""
    running_emulators.reset()
    return running_emulators


@pytest.fixture
def delete_deployed(running_emulators: Emulators) -> Iterator[None]:
    """Delete what the test deploys to the emulated Cloudflare: each of these Workers is a process of its own."""
    yield
    delete_deployed_workers(running_emulators)


@pytest.fixture(scope="session")
def make_state(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Callable[[], Path]:
    """Return a function that makes a local state of its own, which has the tables only, and returns its folder.

    It copies one that all processes of a run share, because wrangler takes seconds to make it.
    """
    folder = tmp_path_factory.getbasetemp()
    migrated = (folder.parent if hasattr(pytestconfig, "workerinput") else folder) / "migrated"
    migrated.mkdir(exist_ok=True)
    with (migrated.parent / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        local.migrate(migrated)
    return lambda: shutil.copytree(migrated, tmp_path_factory.mktemp("state") / "state")


@pytest.fixture
def migrated_state(make_state: Callable[[], Path]) -> Path:
    """Return the folder of a fresh local state for one test."""
    return make_state()


@pytest.fixture(scope="session")
def running_platforms(
    running_emulators: Emulators, make_state: Callable[[], Path], pytestconfig: pytest.Config
) -> Iterator[Callable[[Sequence[str] | None], Platform]]:
    """Return a function that runs these workers, or all of them, and their variants on workerd, with a fresh state."""
    deployed = pytestconfig.getoption("deployed")

    with contextlib.ExitStack() as running:

        @cache
        def start(workers: Sequence[str] | None) -> Platform:
            variants = {
                name: replace(variant, deployed=variant.deployed or variant.worker == deployed)
                for name, variant in VARIANTS.items()
                if workers is None or variant.worker in workers
            }
            with show_progress(pytestconfig, "starting the workers"):
                platform = Platform.start(
                    state=make_state(), emulators=running_emulators, variants=variants, workers=workers
                )
                return running.enter_context(platform)

        yield start


@pytest.fixture
def running_platform(
    running_platforms: Callable[[Sequence[str] | None], Platform], request: pytest.FixtureRequest
) -> Platform:
    """Return the running workers that the test needs: all of them for a proof that only `npm run test:full` runs."""
    is_full = request.node.get_closest_marker("full") is not None
    return running_platforms(None if is_full else choose_workers(request.node.nodeid))


@contextlib.contextmanager
def show_progress(config: pytest.Config, doing: str) -> Iterator[None]:
    """Print what the tests wait for, if it takes more than ten seconds."""
    capture = config.pluginmanager.getplugin("capturemanager")
    uncaptured = capture.global_and_fixture_disabled() if capture else contextlib.nullcontext()
    with uncaptured, Progress("tests", stream=sys.stderr).repeat(doing):
        yield


@pytest.fixture
def platform(running_platform: Platform, emulators: Emulators) -> Platform:
    """Return the running workers, with emulators that have been reset."""
    return running_platform
