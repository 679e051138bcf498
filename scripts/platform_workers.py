"""The workers of this repository, as their own files declare them. Standard library only.

A folder `workers/NAME` with a wrangler.toml is a worker. Its routes are in the package `src/<name with underscores>`,
and `[tool.electrons]` in its pyproject.toml lists the scopes that API keys can have for them.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

SHARED_SCOPES = ("metrics",)
"""The scopes of routes that every worker has."""

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker. `package` is None where `entry.py` is all there is."""

    name: str
    folder: Path
    package: str | None
    scopes: tuple[str, ...]

    @property
    def sources(self) -> Path:
        """The folder of `entry.py`, where its imports start."""
        return self.folder / "src"


def find_workers(root: Path = ROOT) -> list[Worker]:
    """Return every worker, by name."""
    return [_read(path.parent) for path in sorted(root.glob("workers/*/wrangler.toml"))]


def find_scopes(root: Path = ROOT) -> tuple[str, ...]:
    """Return all that an API key can be allowed to do."""
    return (*(scope for worker in find_workers(root) for scope in worker.scopes), *SHARED_SCOPES)


def _read(folder: Path) -> Worker:
    package = folder.name.replace("-", "_")
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return Worker(
        name=folder.name,
        folder=folder,
        package=package if (folder / "src" / package).is_dir() else None,
        scopes=tuple(project.get("tool", {}).get("electrons", {}).get("scopes", [])),
    )
