"""`npm run keys` with a real local database."""

import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import keys
import setup
from database import LocalDatabase, WranglerDatabase
from electrons.keys import parse
from platform_workers import find_scopes

SCOPE_LIST = f"the scopes are {', '.join(find_scopes())}"
CREATE = ["create", "--name", "film-app", "--owner", "me@example.com"]


@pytest.fixture
def state(migrated_state: Path) -> Path:
    """Return the folder of a local state with an empty key table."""
    return migrated_state


def run_keys(state: Path, *arguments: str) -> int:
    return keys.main(arguments, state=state)


def test_create_when_run_then_standard_output_is_only_the_key(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run_keys(state, *CREATE, "--scopes", "audio, text,audio", "--expires", "90d", "--limit", '"requests";q=60;w=60')
        == 0
    )

    output = capsys.readouterr()
    key = output.out.removesuffix("\n")
    (record,) = keys.load_records(LocalDatabase(state))
    assert key.startswith("de_test_")
    assert (parse(key).id, parse(key).hash) == (record.id, record.hash)
    assert (record.name, record.owner, record.scopes) == ("film-app", "me@example.com", "audio text")
    assert (record.environment, record.rate_limit_policy) == ("test", '"requests";q=60;w=60')
    assert record.expires_at is not None
    lifetime = datetime.fromisoformat(record.expires_at) - datetime.fromisoformat(record.created_at)
    assert abs(lifetime - timedelta(days=90)) <= timedelta(seconds=1)
    assert key not in output.err
    assert record.id in output.err


def test_create_when_options_are_omitted_then_no_expiry(state: Path) -> None:
    run_keys(state, *CREATE, "--scopes", "text")

    (record,) = keys.load_records(LocalDatabase(state))
    assert (record.expires_at, record.rate_limit_policy, record.revoked_at, record.last_used_at) == (None,) * 4


def test_create_when_run_then_the_secret_is_not_in_the_state(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_keys(state, *CREATE, "--scopes", "text")

    secret = capsys.readouterr().out.strip().split("_")[3]
    files = [path for path in state.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [*CREATE, "--scopes", "text,video"],
            f"there is no scope video; {SCOPE_LIST}",
        ),
        ([*CREATE, "--scopes", " , "], f"must name a scope; {SCOPE_LIST}"),
        ([*CREATE, "--scopes", "text", "--limit", "60/min"], "not a quota policy such as"),
        ([*CREATE, "--scopes", "text", "--limit", " "], "must not be empty"),
        ([*CREATE, "--scopes", "text", "--expires", "soon"], "must be a time such as 30m, 12h or 90d, not 'soon'"),
        ([*CREATE, "--scopes", "text", "--expires", "0d"], "must be longer than 0"),
        (
            ["create", "--name", " ", "--owner", "me", "--scopes", "text"],
            "argument --name: must have 1 to 100 print",
        ),
        (["create", "--name", "a\nb", "--owner", "me", "--scopes", "text"], "argument --name: must have 1 to 100"),
        (["create", "--name", "a", "--owner", "x" * 101, "--scopes", "text"], "argument --owner: must have 1 to 100"),
        (["create", "--scopes", "text"], "the following arguments are required: --name, --owner"),
        (["delete"], "invalid choice: 'delete'"),
        ([], "the following arguments are required"),
    ],
)
def test_command_when_an_argument_is_wrong_then_it_is_named(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_keys(tmp_path, *arguments)

    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_list_when_run_then_all_keys_with_status_and_no_hash(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = LocalDatabase(state)
    past = datetime.now(UTC) - timedelta(days=1)
    for name, end in (("first", None), ("second", past), ("third", None)):
        key, record = keys.create(
            database, environment="test", name=name, owner="O'Brien", scopes=["text"], expires_at=end
        )
    keys.revoke(database, record.id)

    assert run_keys(state, "list") == 0

    output = capsys.readouterr().out
    assert dict(re.findall(r"(first|second|third) .* (valid|expired|revoked) ", output)) == {
        "first": "valid",
        "second": "expired",
        "third": "revoked",
    }
    assert output.count("O'Brien") == 3
    assert parse(key).hash not in output


def test_revoke_when_run_then_the_key_is_revoked_forever(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_keys(state, *CREATE, "--scopes", "text")
    key_id = parse(capsys.readouterr().out.strip()).id

    assert run_keys(state, "revoke", key_id) == 0
    assert keys.find(LocalDatabase(state), key_id).status(0) == "revoked"
    assert run_keys(state, "revoke", key_id) == 1
    assert f"keys: the key {key_id} is already revoked" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["revoke", "rotate"])
def test_command_when_no_key_has_the_id_then_the_error_names_it(
    state: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_keys(state, command, "nobody") == 1

    assert capsys.readouterr().err == "keys: no key has the id nobody; `npm run keys -- list` shows all keys\n"


@pytest.mark.parametrize(("overlap", "hours"), [([], 24), (["--overlap", "2h"], 2), (["--overlap", "0m"], 0)])
def test_rotate_when_run_then_old_key_expires_after_the_overlap(
    state: Path, overlap: list[str], hours: int, capsys: pytest.CaptureFixture[str]
) -> None:
    database = LocalDatabase(state)
    run_keys(state, *CREATE, "--scopes", "text,image", "--limit", "none")
    old_id = parse(capsys.readouterr().out.strip()).id

    assert run_keys(state, "rotate", old_id, *overlap) == 0

    key = capsys.readouterr().out.strip()
    old, new = keys.find(database, old_id), keys.find(database, parse(key).id)
    assert (new.hash, new.id != old.id) == (parse(key).hash, True)
    assert (new.name, new.owner, new.scopes, new.rate_limit_policy) == (
        "film-app",
        "me@example.com",
        "image text",
        "none",
    )
    assert new.expires_at is None
    assert old.expires_at is not None
    overlap_seconds = (datetime.fromisoformat(old.expires_at) - datetime.fromisoformat(new.created_at)).total_seconds()
    assert abs(overlap_seconds - hours * 3600) <= 1


def test_rotate_when_the_old_key_expires_sooner_then_that_stays(state: Path) -> None:
    database, now = LocalDatabase(state), datetime.now(UTC)
    _, old = keys.create(
        database, environment="test", name="n", owner="o", scopes=["text"], expires_at=now + timedelta(hours=1)
    )

    _, new = keys.rotate(database, old.id, overlap=timedelta(days=1))

    assert keys.find(database, old.id).expires_at == old.expires_at
    assert new.expires_at is not None
    lifetime = datetime.fromisoformat(new.expires_at) - datetime.fromisoformat(new.created_at)
    assert abs(lifetime - timedelta(hours=1)) <= timedelta(seconds=1)


def test_create_with_a_budget_and_models(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spending = ("--budget", "5/day", "--budget", "50/month", "--models", "OpenAI:gpt-4o-mini, anthropic:*")

    assert run_keys(state, *CREATE, "--scopes", "text", *spending) == 0

    printed = capsys.readouterr().err
    assert "budget: $5.00/day, 50.00/month; models: openai:gpt-4o-mini, anthropic:*" in printed
    (record,) = keys.load_records(LocalDatabase(state))
    assert (record.budget, record.models) == ("5.00/day, 50.00/month", "openai:gpt-4o-mini anthropic:*")
    run_keys(state, "list")
    assert "5.00/day, 50.00/month" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--budget", "5"),
        ("--budget", "five/day"),
        ("--budget", ""),
        ("--models", "gpt-4o"),
        ("--models", "openai:"),
        ("--models", "openai:*-mini"),
        ("--models", ""),
    ],
)
def test_create_when_spending_is_misspelled_then_usage(state: Path, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run_keys(state, *CREATE, "--scopes", "text", option, value)

    assert ended.value.code == 2


def test_create_with_two_budgets_of_a_period_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_keys(state, *CREATE, "--scopes", "text", "--budget", "5/day", "--budget", "6/day") == 1
    assert "more than one budget for a day" in capsys.readouterr().err
    assert keys.load_records(LocalDatabase(state)) == []


def test_change_gives_a_key_another_budget_and_models(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = LocalDatabase(state)
    _, record = keys.create(database, environment="test", name="n", owner="o", scopes=["text"], budget="5/day")

    assert run_keys(state, "change", record.id, "--models", "openai:*") == 0
    assert run_keys(state, "change", record.id, "--budget", "9/month") == 0
    changed = keys.find(database, record.id)
    assert (changed.budget, changed.models) == ("9.00/month", "openai:*")
    assert run_keys(state, "change", record.id, "--budget", "none", "--models", "none") == 0
    changed = keys.find(database, record.id)
    assert (changed.budget, changed.models) == (None, None)
    assert run_keys(state, "change", record.id) == 1
    assert run_keys(state, "change", "unknown", "--budget", "1/day") == 1
    assert "no key has the id unknown" in capsys.readouterr().err


def test_rotate_keeps_the_budget_and_the_models(state: Path) -> None:
    database = LocalDatabase(state)
    _, old = keys.create(
        database, environment="test", name="n", owner="o", scopes=["text"], budget="5/day", models="openai:*"
    )

    _, new = keys.rotate(database, old.id, overlap=timedelta(days=1))

    assert (new.budget, new.models, new.first_id) == ("5/day", "openai:*", old.id)


def test_rotate_twice_then_both_new_keys_descend_from_first(state: Path) -> None:
    database = LocalDatabase(state)
    _, first = keys.create(database, environment="test", name="n", owner="o", scopes=["text"])

    _, second = keys.rotate(database, first.id, overlap=timedelta(days=1))
    _, third = keys.rotate(database, second.id, overlap=timedelta(days=1))

    rows = database.run(("SELECT id, first_id FROM api_keys", ()))
    assert {row["id"]: row["first_id"] for row in rows} == {first.id: None, second.id: first.id, third.id: first.id}


def test_local_key_when_replaced_then_new_key_descends_from_it(state: Path) -> None:
    database, first = LocalDatabase(state), parse(keys.load_local_key(state)).id
    keys.revoke(database, first)

    second = parse(keys.load_local_key(state)).id

    rows = database.run(("SELECT first_id FROM api_keys WHERE id = ?", [second]))
    assert rows == [{"first_id": first}]


def test_rotate_when_the_key_is_not_valid_then_refused(state: Path) -> None:
    database = LocalDatabase(state)
    _, record = keys.create(database, environment="test", name="n", owner="o", scopes=["text"])
    keys.revoke(database, record.id)

    with pytest.raises(keys.KeysError, match="is revoked; create a new one"):
        keys.rotate(database, record.id, overlap=timedelta())
    assert len(keys.load_records(database)) == 1


def test_local_key_when_loaded_again_then_same_with_all_scopes(state: Path) -> None:
    first, again = keys.load_local_key(state), keys.load_local_key(state)

    assert first == again
    assert keys.find(LocalDatabase(state), parse(first).id).scopes.split() == list(find_scopes())
    assert stat.S_IMODE((state / keys.LOCAL_KEY).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["revoked", "deleted", "garbled", "of fewer scopes"])
def test_local_key_when_it_is_not_usable_then_a_new_one(state: Path, damage: str) -> None:
    database, first = LocalDatabase(state), keys.load_local_key(state)
    match damage:
        case "revoked":
            keys.revoke(database, parse(first).id)
        case "deleted":
            database.run(("DELETE FROM api_keys", ()))
        case "garbled":
            (state / keys.LOCAL_KEY).write_text("any")
        case _:
            database.run(("UPDATE api_keys SET scopes = 'text'", ()))

    second = keys.load_local_key(state)

    assert second != first
    assert keys.load_local_key(state) == second


def test_database_when_a_statement_fails_then_all_are_undone(state: Path) -> None:
    database = LocalDatabase(state)
    keys.create(database, environment="test", name="n", owner="o", scopes=["text"])

    with pytest.raises(setup.SetupError, match="no such table: things"):
        database.run(("DELETE FROM api_keys", ()), ("DELETE FROM things", ()))
    assert len(keys.load_records(database)) == 1


@pytest.mark.full
def test_wrangler_when_it_runs_statements_then_they_are_stored(state: Path) -> None:
    database, name = WranglerDatabase("--local", "--persist-to", str(state)), "O'Brien's \"?\"; DROP TABLE api_keys --"

    _, old = keys.create(
        database, environment="live", name=name, owner="ü", scopes=["text"], rate_limit_policy='"requests";q=1;w=60'
    )
    _, new = keys.rotate(database, old.id, overlap=timedelta(hours=1))

    assert keys.find(database, new.id) == new
    by_file = {record.id: record for record in keys.load_records(LocalDatabase(state))}
    assert by_file[new.id] == new
    assert (by_file[old.id].name, by_file[old.id].rate_limit_policy) == (name, '"requests";q=1;w=60')
    assert by_file[old.id].expires_at is not None


def test_wrangler_when_a_statement_fails_then_error_says_why(tmp_path: Path) -> None:
    database = WranglerDatabase("--local", "--persist-to", str(tmp_path))

    with pytest.raises(setup.SetupError, match="wrangler could not use the database: no such table: api_keys"):
        keys.load_records(database)
