"""`npm run check`: check format, lint, strict types, import layers, the workers' configurations, GitHub's workflows."""

import os
import subprocess

import setup
from platform_workers import find_workers

PACKAGES = [worker for worker in find_workers() if worker.package]
SOURCES = os.pathsep.join(str(worker.sources) for worker in PACKAGES)
WORKFLOWS = [path.relative_to(setup.ROOT) for path in sorted(setup.ROOT.glob(".github/workflows/*.yml"))]
ACTIONS = [path.relative_to(setup.ROOT) for path in sorted(setup.ROOT.glob(".github/actions/*/action.yml"))]
SCHEMA = (setup.PYTHON.parent / "check-jsonschema", "--quiet", "--builtin-schema")
COMMANDS = (
    (setup.PYTHON, "-m", "ruff", "format", "--check"),
    (setup.PYTHON, "-m", "ruff", "check"),
    (
        setup.PYTHON,
        "-m",
        "mypy",
        "shared",
        "scripts",
        "wrangler",
        "tests",
        *(worker.sources / str(worker.package) for worker in PACKAGES),
    ),
    (setup.PYTHON, "scripts/check_imports.py"),
    (setup.PYTHON, "scripts/check_config.py"),
    (setup.NODE.parent / "biome", "ci", "wrangler", "scripts", "tests"),
    (*SCHEMA, "vendor.github-workflows", *WORKFLOWS),
    (*SCHEMA, "vendor.github-actions", *ACTIONS),
    (setup.PYTHON.parent / "zizmor", "--offline", "--no-progress", "--quiet", "--persona=pedantic", ".github"),
)


def main() -> int:
    """Run all checks even if one fails; return 1 if one did."""
    failed = []
    for command in COMMANDS:
        line = " ".join(str(part) for part in command)
        print(f"+ {line.replace(str(setup.ROOT) + '/', '')}", flush=True)
        if subprocess.run(
            [str(part) for part in command],
            cwd=setup.ROOT,
            env={**setup.environment(), "PYTHONPATH": "shared", "MYPYPATH": SOURCES},
            check=False,
        ).returncode:
            failed.append(line)
    print("check: all passed" if not failed else f"check: {len(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    setup.run_script(main)
