"""The READMEs agree with the code."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import docs
from electrons.registry import find_providers
from electrons.settings import Secret, Settings
from electrons.upstream.provider import Provider
from tests.apps import load_apps

ROOT = Path(__file__).parents[2]
WORKERS = sorted(path.parent for path in ROOT.glob("workers/*/wrangler.toml"))

OF_EVERY_WORKER = {("GET", path) for path in ("/metrics", "/openapi.json", "/docs", "/docs/{file}")}
"""Routes that the top-level README describes."""


def documented_settings(readme: Path) -> dict[str, str]:
    """Return the settings in the tables of a README with their defaults as written."""
    section = readme.read_text().split("\n## Settings\n")[-1]
    rows = [row.split("|") for row in section.splitlines() if row.startswith("| `")]
    return {name: row[2].strip().strip("`") for row in rows for name in re.findall(r"`([A-Z_0-9]+)`", row[1])}


def defaults_of(settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Return settings with their defaults as a table writes them."""
    return {name.upper(): write_value(getattr(settings, name)) for name in names}


def write_value(value: object) -> str:
    """Return a default as a table writes it."""
    if isinstance(value, Secret):
        return value.reveal()
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_shared_settings_when_documented_then_with_defaults() -> None:
    expected = defaults_of(Settings(), Settings.names())
    for provider in find_providers(Provider):
        expected |= {setting.name: write_value(setting.default) for setting in provider.declared_settings()}

    assert documented_settings(ROOT / "shared" / "README.md") == expected


@pytest.mark.parametrize("worker", sorted(load_apps()))
def test_worker_settings_when_documented_then_with_defaults(worker: str) -> None:
    kind = load_apps()[worker].settings
    own = set(kind.names()) - set(Settings.names())

    assert documented_settings(ROOT / "workers" / worker / "README.md") == defaults_of(kind(), own)


def test_generated_parts_when_rendered_again_then_unchanged() -> None:
    assert docs.render_readme(docs.README.read_text()) == docs.README.read_text(), "run `npm run docs`"
    assert docs.render_dev_vars() == docs.DEV_VARS.read_text(), "run `npm run docs`"


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_worker_when_it_exists_then_the_readmes_name_it(worker: Path) -> None:
    assert f"workers/{worker.name})" in (ROOT / "README.md").read_text()
    assert (worker / "README.md").read_text().startswith(f"# {worker.name}\n")


@pytest.mark.parametrize("worker", sorted(load_apps()))
def test_worker_readme_when_read_then_it_names_every_route(worker: str) -> None:
    readme = (ROOT / "workers" / worker / "README.md").read_text()
    routes = {(route.method, route.path) for route in load_apps()[worker].routes} - OF_EVERY_WORKER

    missing = [
        f"{method} {path}"
        for method, path in sorted(routes)
        if not re.search(rf"\b{method}\b.*{re.escape(path)}(?![\w/])", readme)
    ]

    assert missing == []
