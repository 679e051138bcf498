"""Commands of `npm run deploy` that make no sense are refused before anything is read or changed."""

from __future__ import annotations

import pytest

import deploy


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["undeploy", "text-gen", "--yes"], "it deletes all Workers of an environment"),
        (["--delete-data", "--yes"], "--delete-data belongs to undeploy"),
        (["rollback", "--dry-run"], "rollback has no --dry-run"),
        (["status", "--force"], "status has no --dry-run and no --force"),
        (["--env", "test"], "invalid choice"),
    ],
)
def test_command_that_makes_no_sense_is_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        deploy.main(arguments)

    assert stopped.value.code == 2
    assert reason in capsys.readouterr().err
