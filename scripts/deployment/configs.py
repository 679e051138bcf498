"""The configuration with which a worker is deployed to an environment, and the fingerprint of what is deployed.

Production has the names of wrangler.toml; every other environment has them with a suffix, because the names of Workers,
databases, buckets and Workflows are global to an account, and `[env.NAME]` would inherit no bindings.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployment.values import Values
from platform_workers import Worker, find_workers
from setup import ROOT, SetupError

ENVIRONMENTS = ("staging", "production")

_LEFT_OUT = {"__pycache__", "testing"}
_TAG_LENGTH = 16


def suffix_of(environment: str) -> str:
    """Return what the names of an environment end with."""
    return "" if environment == "production" else f"-{environment}"


def load_config(worker: Worker) -> dict[str, Any]:
    """Return the worker's wrangler.toml."""
    return tomllib.loads((worker.folder / "wrangler.toml").read_text(encoding="utf-8"))


def build_config(config: Mapping[str, Any], *, environment: str, database_id: str | None) -> dict[str, Any]:
    """Return the configuration for an environment, without vars: names with its suffix, and the database's id."""
    suffix = suffix_of(environment)
    built = {name: value for name, value in config.items() if name not in {"dev", "vars"}}
    built["name"] += suffix
    for table in ("d1_databases", "r2_buckets", "workflows"):
        key = {"d1_databases": "database_name", "r2_buckets": "bucket_name", "workflows": "name"}[table]
        if table in built:
            built[table] = [{**entry, key: entry[key] + suffix} for entry in built[table]]
    if database_id is not None and "d1_databases" in built:
        built["d1_databases"] = [{**entry, "database_id": database_id} for entry in built["d1_databases"]]
    if objects := built.get("durable_objects", {}).get("bindings"):
        built["durable_objects"] = {"bindings": [_with_suffix(entry, suffix) for entry in objects]}
    return built


def database_name(environment: str) -> str:
    """Return the name of the environment's D1 database. Raises `SetupError` if the workers name several."""
    names = {
        table["database_name"] for worker in find_workers() for table in load_config(worker).get("d1_databases", [])
    }
    if len(names) != 1:
        raise SetupError(f"All workers must have the same D1 database; they name {', '.join(sorted(names))}")
    return f"{names.pop()}{suffix_of(environment)}"


def title_of_namespace(config: Mapping[str, Any], binding: str) -> str:
    """Return the title of the KV namespace of a Worker's binding, which is the one that wrangler would give it."""
    return f"{config['name']}-{binding.lower()}"


@contextmanager
def written_config(worker: Worker, config: Mapping[str, Any], *, environment: str) -> Iterator[Path]:
    """Write a configuration beside the worker's own until the block ends, for its paths are relative to it."""
    path = _path_of(worker, environment)
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def remove_written_configs(environment: str) -> None:
    """Delete what a deployment that was killed has left beside the workers' own configurations."""
    for worker in find_workers():
        _path_of(worker, environment).unlink(missing_ok=True)


def compute_tag(worker: Worker, config: Mapping[str, Any], values: Values, *, root: Path = ROOT) -> str:
    """Return the fingerprint of what would be deployed: sources, locked dependencies, configuration, vars, secrets."""
    digest = hashlib.sha256()
    folders = (worker.sources, root / "shared" / "electrons")
    files = sorted(path for folder in folders for path in folder.rglob("*") if _is_deployed(path))
    for path in (*files, root / "shared" / "requirements.lock"):
        digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    document = [config, dict(values.vars), dict(values.secrets)]
    digest.update(json.dumps(document, sort_keys=True).encode())
    return digest.hexdigest()[:_TAG_LENGTH]


def describe_commit(root: Path = ROOT) -> str:
    """Return the commit of the checkout, `+` after it if files have changed since; `unknown` outside of git."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*", "--abbrev=12"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return result.stdout.strip() if result.returncode == 0 else "unknown"


def _path_of(worker: Worker, environment: str) -> Path:
    return worker.folder / f".wrangler.{environment}.json"


def _with_suffix(entry: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    return {**entry, "script_name": entry["script_name"] + suffix} if "script_name" in entry else dict(entry)


def _is_deployed(path: Path) -> bool:
    return path.is_file() and not _LEFT_OUT.intersection(path.parts) and path.suffix != ".pyc"
