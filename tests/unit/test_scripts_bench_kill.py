"""What `npm run bench:kill` makes of a usage row that is missing."""

import pytest

from benchmark.kills import Load, seconds_before_kill

LOADS = [Load(started=100.0, killed=102.0), Load(started=110.0, killed=111.0)]


@pytest.mark.parametrize(("at", "seconds"), [(101.5, 0.5), (102.0, 0.0), (110.0, 1.0)])
def test_row_is_as_old_as_its_answer_at_the_kill(at: float, seconds: float) -> None:
    assert seconds_before_kill(at, LOADS) == seconds


def test_answer_read_after_its_kill_belongs_to_it() -> None:
    assert seconds_before_kill(102.004, LOADS) == 0
    assert seconds_before_kill(111.2, LOADS) == 0
