"""Compare every worker's wrangler.toml with wrangler/shared.toml, with its folder and with the other workers' ports."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ports
from setup import ROOT

BINDINGS = ("d1_databases", "kv_namespaces", "r2_buckets", "worker_loaders")


def main(root: Path = ROOT) -> int:
    """Print each difference; return 1 if there is one."""
    shared = tomllib.loads((root / "wrangler" / "shared.toml").read_text())
    configs = ports.load_configs(root)
    problems = [(name, problem) for name in configs for problem in compare(configs[name], shared, name=name)]
    problems += ports.find_port_problems(configs)
    lines = [f"workers/{name}/wrangler.toml: {problem}" for name, problem in problems]
    print("\n".join(lines) or "the workers' configurations agree")
    return 1 if problems else 0


def compare(config: Mapping[str, Any], shared: Mapping[str, Any], *, name: str) -> Iterator[str]:
    """Return what is wrong with one worker's configuration."""
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
