"""The main module of the worker whose memory becomes the local stack's snapshot: it imports what the workers import.

A snapshot is Python's memory after the import of the main module. When workerd restores it for another worker, that
worker's main module has another name (`entry`), is not in the restored `sys.modules`, and is imported from its file.
So one snapshot is valid for all workers of a process, as long as they have the same `python_modules/`; the packages of
the other workers are in memory and not used.
"""

import contextlib
import ctypes
import gc
import importlib
import pkgutil

import workers  # noqa: F401

with contextlib.suppress(ImportError):
    import httpx2  # noqa: F401

with contextlib.suppress(ImportError):
    import pydantic

    # pydantic imports most of its modules when the first model is created.
    pydantic.create_model("Warmup", text=(str | None, pydantic.Field(default=None, min_length=1)))

packages = [module.name for module in pkgutil.iter_modules([__file__.rpartition("/")[0]]) if module.ispkg]
for package in ("electrons", *packages):
    with contextlib.suppress(ImportError):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            # A module that cannot be imported in workerd, such as a test client, is not used by a worker either.
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)

# A restored file object is not open any more, and folders that were listed have other entries.
gc.collect()
gc.freeze()  # or else each worker's own would walk over all of this when it starts
importlib.invalidate_caches()

# snapshot.mjs finds this text in the snapshot.
REPORT = f"claimed memory: {ctypes.CDLL(None).sbrk(0)} bytes"


def on_fetch() -> None:
    """Be the handler that every worker must have; this one is never called."""
