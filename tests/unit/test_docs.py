"""What the READMEs say is compared with the code."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from electrons.settings import Settings

ROOT = Path(__file__).parents[2]
WORKERS = sorted(path.parent for path in ROOT.glob("workers/*/wrangler.toml"))


def documented_settings() -> dict[str, str]:
    """The settings in the table of shared/README.md with the text of their defaults."""
    section = (ROOT / "shared" / "README.md").read_text().split("## Settings")[1]
    rows = [row.split("|") for row in section.splitlines() if row.startswith("| `")]
    return {name: row[2].strip().strip("`") for row in rows for name in re.findall(r"`([A-Z_0-9]+)`", row[1])}


def test_settings_when_documented_then_the_table_has_exactly_those_there_are() -> None:
    assert sorted(documented_settings()) == sorted(field.name.upper() for field in fields(Settings))


def test_settings_when_documented_then_their_defaults_are_true() -> None:
    defaults = Settings()
    for name, default in documented_settings().items():
        value = getattr(defaults, name.lower())
        shown = f"{value:g}" if isinstance(value, float) else defaults.get_text(name)
        assert default == shown, name


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_worker_when_it_exists_then_the_readmes_know_it(worker: Path) -> None:
    assert f"workers/{worker.name})" in (ROOT / "README.md").read_text()
    assert (worker / "README.md").read_text().startswith(f"# {worker.name}\n")


def test_dev_vars_example_when_read_then_names_every_secret() -> None:
    named = re.findall(r"^([A-Z_]+)=$", (ROOT / ".dev.vars.example").read_text(), flags=re.MULTILINE)
    accounts = ("_api_key", "_api_token", "_account_id", "_pat")
    assert sorted(named) == sorted(field.name.upper() for field in fields(Settings) if field.name.endswith(accounts))
