"""A response goes out before what is left to do after it: the log line, the usage row."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform

pytestmark = pytest.mark.full

MAIN = {"text-gen": "tests/stacks/entry_with_slow_end.py"}


def test_nobody_waits_for_what_comes_after_a_response(emulators: Emulators, make_state: Callable[[], Path]) -> None:
    with Platform.start(
        state=make_state(), emulators=emulators, variants={}, workers=("rate-limiter", "text-gen"), main=MAIN
    ) as platform:
        response = platform.client("text-gen").post("/generate", json={"prompt": "Hello"})
        request_id = response.headers["X-Request-ID"]

        assert response.status_code == 200
        assert not platform.has_logged(request_id, event="request")
        assert platform.log_lines(request_id)
        assert platform.usage_rows(request_id)
