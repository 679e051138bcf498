"""What the READMEs say is compared with the code."""

import re
from pathlib import Path

import pytest

from electrons.registry import find_providers
from electrons.settings import Secret
from electrons.upstream.provider import Provider
from tests.apps import settings_classes

PROVIDERS = find_providers(Provider)
ROOT = Path(__file__).parents[2]
WORKERS = sorted(path.parent for path in ROOT.glob("workers/*/wrangler.toml"))


def documented_settings() -> dict[str, str]:
    """The settings in the table of shared/README.md with the text of their defaults."""
    section = (ROOT / "shared" / "README.md").read_text().split("## Settings")[1]
    rows = [row.split("|") for row in section.splitlines() if row.startswith("| `")]
    return {name: row[2].strip().strip("`") for row in rows for name in re.findall(r"`([A-Z_0-9]+)`", row[1])}


def actual_defaults() -> dict[str, str]:
    """The settings of the platform, of each worker and of each provider, with their defaults as they are written."""
    found = {setting.name: setting.default for provider in PROVIDERS for setting in provider.declared_settings()}
    found |= {name.upper(): getattr(kind(), name) for kind in settings_classes() for name in kind.names()}
    return {name: write_value(value) for name, value in found.items()}


def write_value(value: object) -> str:
    """A default as the tables write it."""
    if isinstance(value, Secret):
        return value.reveal()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_settings_when_documented_then_the_table_has_exactly_those_there_are() -> None:
    assert sorted(documented_settings()) == sorted(actual_defaults())


def test_settings_when_documented_then_their_defaults_are_true() -> None:
    defaults = actual_defaults()
    for name, default in documented_settings().items():
        assert default == defaults[name], name


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_worker_when_it_exists_then_the_readmes_know_it(worker: Path) -> None:
    assert f"workers/{worker.name})" in (ROOT / "README.md").read_text()
    assert (worker / "README.md").read_text().startswith(f"# {worker.name}\n")


def test_dev_vars_example_when_read_then_names_every_secret() -> None:
    named = re.findall(r"^([A-Z_]+)=$", (ROOT / ".dev.vars.example").read_text(), flags=re.MULTILINE)
    assert sorted(named) == sorted(credential.name for provider in PROVIDERS for credential in provider.credentials)
