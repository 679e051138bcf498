"""Copy what a worker imports into its `python_modules/`: the shared package and its locked dependencies (wasm wheels).

Each worker's wrangler.toml runs this as its `[build] command`, so that plain `npx wrangler dev` and `npx wrangler
deploy` need nothing but a Python with pip, 3.9 or later. Only what changed is copied; the wheels are downloaded once
for each lock file.

    python3 scripts/vendor.py text-gen        one worker
    python3 scripts/vendor.py                 all
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "shared" / "requirements.lock"
CACHE = ROOT / ".cache" / "vendor"
WORKER_NAMES = ROOT / "shared" / "electrons" / "workers.json"

# CPython 3.14 in Pyodide 314, which `compatibility_date` 2026-09-08 and later with `python_workers` means (PEP 783's
# tags). --no-deps: pip would evaluate environment markers for the host; the lock was resolved for Emscripten. --ignore-
# requires-python: pip would reject wheels because the host's Python, which never runs them, is older than they need.
WHEELS = [
    "--no-deps",
    "--ignore-requires-python",
    "--require-hashes",
    "--only-binary",
    ":all:",
    "--no-compile",
    "--disable-pip-version-check",
    "--quiet",
    "--implementation",
    "cp",
    "--python-version",
    "3.14",
    "--abi",
    "cp314",
    "--abi",
    "none",
    "--platform",
    "pyemscripten_2026_0_wasm32",
    "--platform",
    "any",
]

REFERENCE_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")

LEFT_OUT = (
    "__pycache__",  # of the host's Python
    "bin",  # commands
    "electrons/testing",  # bindings and clients for tests
    "*.pyi",  # read by type checkers only
    "*.dist-info/sboms",  # the crates in pydantic-core
    "annotated_types/test_cases.py",  # for tests
    "annotated_types-*.dist-info/METADATA",  # a description for PyPI; of all versions, only httpx2's is read, by httpx2
    "httpx2/_main.py",  # the command `httpx2`
    "httpx2/_transports/default.py",  # sockets, over httpcore2; on Emscripten, httpx2 does not import it
    "httpx2/websockets",  # imported when a client opens one
    "idna/cli.py",  # the command `idna`
    "idna/uts46data.py",  # a mapping of host names that httpx2 does not ask for
    "pydantic/mypy.py",  # the plugin of mypy
    "pydantic/v1",  # the interface of version 1; pydantic imports it only for a type with `__get_validators__`
    "pydantic-*.dist-info/METADATA",  # a description for PyPI, with the changelog
    "pydantic-*.dist-info/RECORD",  # for pip; the SDK's, in contrast, is read by sandbox-executor
)
"""What is not uploaded, because no worker imports it: patterns of files and folders, matched from the right."""


def main(names: list[str]) -> int:
    """Vendor the named workers, or all of them without names; return the exit status."""
    workers = {path.parent.name: path.parent for path in sorted((ROOT / "workers").glob("*/wrangler.toml"))}
    unknown = [name for name in names if name not in workers]
    if unknown:
        print(
            f"vendor: there is no worker named {', '.join(unknown)}; the workers are {', '.join(workers)}",
            file=sys.stderr,
        )
        return 2
    write_worker_names(list(workers))
    try:
        dependencies = fetch_dependencies()
    except subprocess.CalledProcessError:
        print("vendor: pip could not install shared/requirements.lock; see its message above", file=sys.stderr)
        return 1
    for name in names or workers:
        sync(
            {
                Path(): dependencies,
                Path("electrons"): ROOT / "shared" / "electrons",
                Path("electrons") / "swagger_ui": compress_reference(),
            },
            workers[name] / "python_modules",
        )
    return 0


def write_worker_names(names: list[str]) -> None:
    """Write the names of all workers into the shared package, which protects them from being deployed over."""
    content = json.dumps(names)
    if not WORKER_NAMES.exists() or WORKER_NAMES.read_text(encoding="utf-8") != content:
        WORKER_NAMES.write_text(content, encoding="utf-8")


def fetch_dependencies() -> Path:
    """Return the folder of the installed dependencies, created on first use. Raises CalledProcessError."""
    key = hashlib.sha256(LOCK.read_bytes() + " ".join(WHEELS).encode()).hexdigest()[:16]
    folder = CACHE / key
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = CACHE / f"{key}.{os.getpid()}"
    command = [_python_with_pip(), "-m", "pip", "install", *WHEELS, "--target", str(unfinished), "-r", str(LOCK)]
    print("vendor: installing the workers' dependencies", file=sys.stderr)
    try:
        subprocess.run(command, check=True)
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another run was faster
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def compress_reference() -> Path:
    """Return the folder of Swagger UI's files, compressed; it is empty where npm's packages are not installed."""
    source = ROOT / "node_modules" / "swagger-ui-dist"
    folder = ROOT / ".cache" / "swagger_ui"
    folder.mkdir(parents=True, exist_ok=True)
    for name in REFERENCE_FILES:
        file, compressed = source / name, folder / f"{name}.gz"
        if file.exists() and not (compressed.exists() and compressed.stat().st_mtime >= file.stat().st_mtime):
            unfinished = folder / f"{name}.{os.getpid()}"
            unfinished.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
            unfinished.replace(compressed)
    return folder


def sync(sources: dict[Path, Path], target: Path) -> None:
    """Make `target` have exactly the files of all `sources`, each source below its prefix in `target`.

    A file of the same size and modification time is taken to be the same.
    """
    wanted = {
        prefix / path: source / path
        for prefix, source in sources.items()
        for path in _files(source)
        if not _is_left_out(prefix / path)
    }
    for path in set(_files(target)) - set(wanted):
        (target / path).unlink()
    for path, source in wanted.items():
        destination = target / path
        if not _is_same(source, destination):
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, destination)


def _files(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder):
        for name in names:
            yield (Path(directory) / name).relative_to(folder)


@cache
def _is_left_out(path: Path) -> bool:
    return any(path.match(pattern) for pattern in LEFT_OUT) or (path != path.parent and _is_left_out(path.parent))


def _is_same(source: Path, destination: Path) -> bool:
    try:
        copied = destination.stat()
    except FileNotFoundError:
        return False
    original = source.stat()
    return (original.st_size, original.st_mtime_ns) == (copied.st_size, copied.st_mtime_ns)


def _python_with_pip() -> str:
    installed = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if installed.exists():
        return str(installed)
    if importlib.util.find_spec("pip") is None:
        sys.exit("vendor: this Python has no pip; run `npm run setup` once, or install pip")
    return sys.executable


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
