"""The state of the rate limiter survives a restart."""

from pathlib import Path

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.variants import Variant

pytestmark = pytest.mark.full

WORKERS = ("rate-limiter", "text-gen")
FIVE_AN_HOUR = {"limited": Variant("text-gen", {"RATE_LIMIT_POLICY": '"requests";q=5;w=3600', "LOCAL_RUN": "false"})}


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
