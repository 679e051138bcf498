"""The state of the rate limiter survives a restart, and an alarm deletes that of idle callers."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.variants import Variant

pytestmark = pytest.mark.full

WORKERS = ("rate-limiter", "text-gen")
FIVE_AN_HOUR = {"limited": Variant("text-gen", {"RATE_LIMIT_POLICY": '"requests";q=5;w=3600', "LOCAL_RUN": "false"})}
FIVE_A_SECOND = {"limited": Variant("text-gen", {"RATE_LIMIT_POLICY": '"requests";q=5;w=1', "LOCAL_RUN": "false"})}
SHORT_LIFE = {"rate-limiter": "tests/stacks/entry_with_short_life.py"}


def call_until_refused(platform: Platform, *, address: str, times: int) -> list[int]:
    """Return the statuses of that many calls."""
    client, headers = platform.client("limited"), {"CF-Connecting-IP": address}
    return [client.post("/generate", json={"prompt": "Hello"}, headers=headers).status_code for _ in range(times)]


def test_limits_survive_a_restart(emulators: Emulators, migrated_state: Path) -> None:
    with Platform.start(state=migrated_state, emulators=emulators, variants=FIVE_AN_HOUR, workers=WORKERS) as platform:
        before = call_until_refused(platform, address="192.0.2.1", times=3)

    with Platform.start(state=migrated_state, emulators=emulators, variants=FIVE_AN_HOUR, workers=WORKERS) as platform:
        after = call_until_refused(platform, address="192.0.2.1", times=3)
        other = call_until_refused(platform, address="192.0.2.2", times=1)

    assert (before, after, other) == ([200] * 3, [200, 200, 429], [200])


def count_states(state: Path) -> int:
    """Return for how many limits the objects keep a state."""
    count = 0
    for path in state.glob("v3/do/*/*.sqlite"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'states'").fetchone():
                count += database.execute("SELECT count(*) FROM states").fetchone()[0]
    return count


def test_alarm_deletes_the_state_of_an_idle_caller(emulators: Emulators, migrated_state: Path) -> None:
    with Platform.start(
        state=migrated_state, emulators=emulators, variants=FIVE_A_SECOND, workers=WORKERS, main=SHORT_LIFE
    ) as platform:
        assert call_until_refused(platform, address="192.0.2.3", times=1) == [200]
        assert wait_for(lambda: count_states(migrated_state))

        assert wait_for(lambda: not count_states(migrated_state))
