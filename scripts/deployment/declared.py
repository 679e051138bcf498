"""Print what a worker reads from its environment, as `{"settings": [...], "secrets": [...], "credentials": [...]}`.

Run with the project's own Python, which has what the worker imports: `declared.py text-gen`.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import fields
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(worker: str) -> None:
    """Print the names."""
    sys.path[:0] = [str(ROOT / "shared"), str(ROOT / "workers" / worker / "src")]
    secret = importlib.import_module("electrons.settings").Secret
    app = importlib.import_module(f"{worker.replace('-', '_')}.routes").app
    names: dict[str, None] = {}
    settings = app.read_settings(names.setdefault)
    secrets = [field.name.upper() for field in fields(settings) if isinstance(getattr(settings, field.name), secret)]
    secrets += [each.name for provider in app.providers for each in provider.declared_settings() if each.is_secret]
    credentials = [each.name for provider in app.providers for each in provider.credentials]
    document = {"settings": [*names], "secrets": sorted({*secrets}), "credentials": sorted({*credentials})}
    print(json.dumps(document))


if __name__ == "__main__":
    main(sys.argv[1])
