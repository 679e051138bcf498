"""Hold the imports to the architecture: layers, no circles, and workers that know nothing of each other.

The contracts of the shared package are in `[tool.importlinter]` of pyproject.toml; those of the workers follow from the
folders `workers/*/src`. Imports for type checking count like all others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from platform_workers import ROOT, Worker, find_workers

RUNTIME = ["js", "pyodide", "workers", "electrons.runtime", "electrons.testing"]


def main() -> int:
    """Run import-linter; return its exit status."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    workers = [worker for worker in find_workers() if worker.package]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "contracts.toml"
        config.write_text(_to_toml(extend(contracts, workers)), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", str(config)]
        path = os.pathsep.join([str(ROOT / "shared"), *(str(worker.sources) for worker in workers)])
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


def extend(config: dict[str, Any], workers: list[Worker]) -> dict[str, Any]:
    """Return import-linter's configuration with the contracts of the workers added."""
    packages = [str(worker.package) for worker in workers]
    return {
        **config,
        "root_packages": [*config["root_packages"], *packages],
        "contracts": [
            *config["contracts"],
            {"name": "No circles", "type": "acyclic_siblings", "ancestors": [*config["root_packages"], *packages]},
            {"name": "Workers do not import each other", "type": "independence", "modules": packages},
            {
                "name": "Only `entry.py` imports the runtime",
                "type": "forbidden",
                "source_modules": packages,
                "forbidden_modules": RUNTIME,
            },
            {
                "name": "The shared package does not know its users",
                "type": "forbidden",
                "source_modules": config["root_packages"],
                "forbidden_modules": packages,
            },
        ],
    }


def _to_toml(config: dict[str, Any]) -> str:
    """Write what import-linter reads; JSON's strings, lists and booleans are TOML's as well."""
    lines = ["[tool.importlinter]", *_pairs(config)]
    for contract in config["contracts"]:
        lines += ["[[tool.importlinter.contracts]]", *_pairs(contract)]
    return "\n".join(lines)


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in table.items() if name != "contracts"]


if __name__ == "__main__":
    sys.exit(main())
