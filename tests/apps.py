"""The apps of all workers, imported as they are on workerd."""

from __future__ import annotations

import importlib
from functools import cache

from electrons.app import App
from electrons.settings import Settings
from platform_workers import find_workers


@cache
def load_apps() -> dict[str, App]:
    """Return the app of each worker that has routes of its own, by the worker's name."""
    return {
        worker.name: importlib.import_module(f"{worker.package}.routes").app
        for worker in find_workers()
        if worker.package
    }


def settings_classes() -> list[type[Settings]]:
    """Return the shared settings and those of each worker."""
    return [Settings, *(app.settings for app in load_apps().values())]
