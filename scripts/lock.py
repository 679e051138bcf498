"""`npm run lock`: write the lock files again after a version in package.json or a pyproject.toml was changed.

Needs `uv` on PATH (`pip install uv`). `package-lock.json` and `requirements.lock` are for the tools of a development
machine, `shared/requirements.lock` for what is uploaded with every worker, resolved for Emscripten. The benchmark's
folder `peers` has those of other gateways, `tests/foreign` those of the clients that text-gen is tested with. All hold
hashes for every platform, and no addresses. What has no need to change keeps its version.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import setup

# With the extras: pip asks for a hash of `package[extra]` where another package requires that.
COMPILE = ("uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--no-header", "--no-strip-extras")
HOST = ("--universal", "--python-version", "3.11", "--group", "dev", "--output-file", "requirements.lock")
# uv has no name for the 2026 ABI yet; the markers of the former one are the same, and the lock holds every file's hash.
EMSCRIPTEN = ("--python-platform", "wasm32-pyodide2024", "--python-version", "3.14", "shared/pyproject.toml")
WORKERS = ("--group", "shared/pyproject.toml:worker", "--output-file", "shared/requirements.lock")
PEERS = Path("scripts") / "benchmark" / "peers"
FOREIGN = Path("tests") / "foreign"
PINNED = ("--universal", "--python-version", "3.11", "requirements.in", "--output-file", "requirements.lock")
NPM = ("npm", "install", "--package-lock-only", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund")


def main() -> int:
    """Write all; return 1 if one cannot be resolved."""
    if shutil.which("uv") is None:
        print("lock: `uv` was not found on PATH: pip install uv", file=sys.stderr)
        return 1
    failed = False
    for folder in (Path(), PEERS, FOREIGN / "npm"):
        failed |= lock_npm_packages(setup.ROOT / folder) != 0
    pinned = [(PINNED, folder) for folder in (PEERS, FOREIGN / "newest", FOREIGN / "earlier")]
    for options, folder in ((HOST, Path()), ((*EMSCRIPTEN, *WORKERS), Path()), *pinned):
        failed |= subprocess.run([*COMPILE, *options], cwd=setup.ROOT / folder, check=False).returncode != 0
    return 1 if failed else 0


def lock_npm_packages(source: Path) -> int:
    """Write the folder's package-lock.json; return npm's exit status.

    Outside of this folder: beside a `node_modules/`, npm locks only the binaries that are installed there, those of one
    platform.
    """
    names = ("package.json", "package-lock.json")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            shutil.copy2(source / name, folder)
        result = subprocess.run([*NPM, "--loglevel=error"], cwd=folder, check=False)
        if result.returncode == 0:
            shutil.copyfile(Path(folder) / "package-lock.json", source / "package-lock.json")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
