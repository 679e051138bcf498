"""package-lock.json is for every platform: beside a `node_modules/`, npm would lock only what is installed there."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = json.loads((ROOT / "package.json").read_text())
LOCKED: dict[str, dict[str, Any]] = json.loads((ROOT / "package-lock.json").read_text())["packages"]
UNIX = {("linux", "x64"), ("linux", "arm64"), ("darwin", "x64"), ("darwin", "arm64")}


def find_locked(name: str, *, user: str) -> dict[str, Any] | None:
    """Return the entry that `user` loads `name` from: the nearest `node_modules/` above it that has one."""
    folder = user
    while True:
        path = f"{folder}/node_modules/{name}" if folder else f"node_modules/{name}"
        if path in LOCKED:
            return LOCKED[path]
        if not folder:
            return None
        folder = folder.rpartition("node_modules/")[0].rstrip("/")


def locked_platforms(names: list[str]) -> set[tuple[str, str]]:
    """Return the pairs of operating system and processor that these packages are for."""
    platforms: set[tuple[str, str]] = set()
    for name in names:
        entry = find_locked(name, user="")
        assert entry, f"{name} is not in package-lock.json; `npm run lock` writes it for every platform"
        systems, processors = ([entry[key]] if isinstance(entry[key], str) else entry[key] for key in ("os", "cpu"))
        platforms |= {(system, processor) for system in systems for processor in processors}
    return platforms


@pytest.mark.parametrize("package", ["workerd", "@biomejs/biome", "esbuild"])
def test_lock_when_a_tool_has_binaries_then_of_every_platform(package: str) -> None:
    entry = find_locked(package, user="")

    assert entry
    assert locked_platforms(list(entry["optionalDependencies"])) >= {*UNIX, ("win32", "x64")}


def test_lock_when_node_is_locked_then_one_version_everywhere() -> None:
    packages = {name: version for name, version in PACKAGE["optionalDependencies"].items() if name.startswith("node-")}

    assert locked_platforms(list(packages)) == UNIX
    assert len(set(packages.values())) == 1


def test_lock_when_a_dependency_is_optional_then_it_has_a_hash() -> None:
    named = [(user, name) for user, entry in LOCKED.items() for name in entry.get("optionalDependencies", {})]

    assert len(named) > 60
    for user, name in named:
        assert (find_locked(name, user=user) or {}).get("integrity"), f"{name} of {user or 'package.json'}"


def test_lock_when_compared_to_package_json_then_same_versions() -> None:
    kinds = ("devDependencies", "optionalDependencies", "dependencies")

    assert {kind: LOCKED[""].get(kind) for kind in kinds} == {kind: PACKAGE.get(kind) for kind in kinds}


def test_lock_when_read_then_hashes_and_no_registry() -> None:
    packages = {path: entry for path, entry in LOCKED.items() if path}

    assert not [path for path, entry in packages.items() if "resolved" in entry]
    assert not [path for path, entry in packages.items() if not entry.get("integrity")]
