"""Compares every worker's wrangler.toml with wrangler/shared.toml, and its name and build command with its folder."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BINDINGS = ("d1_databases", "kv_namespaces", "r2_buckets", "worker_loaders")


def main() -> int:
    """Prints each difference; returns 1 if there is one."""
    shared = tomllib.loads((ROOT / "wrangler" / "shared.toml").read_text())
    problems = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in sorted((ROOT / "workers").glob("*/wrangler.toml"))
        for problem in compare(tomllib.loads(path.read_text()), shared, name=path.parent.name)
    ]
    print("\n".join(problems) or "the workers' configurations agree")
    return 1 if problems else 0


def compare(config: dict[str, Any], shared: dict[str, Any], *, name: str) -> Iterator[str]:
    """What one worker's configuration has wrong."""
    expected = {
        "name": name,
        "main": "src/entry.py",
        **{key: value for key, value in shared.items() if key not in BINDINGS},
    }
    for key, value in expected.items():
        if config.get(key) != value:
            yield f"{key} is {config.get(key)!r}, not {value!r}"
    command = f"python3 ../../scripts/vendor.py {name}"
    if config.get("build", {}).get("command") != command:
        yield f"[build] command is not {command!r}"
    for kind in BINDINGS:
        for table in config.get(kind, []):
            values = {key: value for key, value in table.items() if key != "binding"}
            known = shared.get(kind, {}).get(table.get("binding"))
            if values != known:
                yield f"[[{kind}]] {table.get('binding')} is {values!r}, not {known!r}"


if __name__ == "__main__":
    sys.exit(main())
