"""The main module of the workers under test: a request may bring settings of its own.

    X-Test-Settings: {"MAX_RETRIES": "0"}

Such a request is served as a deployment with these vars, over those of the worker, would serve it: each distinct header
has settings, caches and batches of its own, which last as long as the isolate, and background work started by the
request has the same settings. A request without the header is served by the worker's own entry point.

So one isolate is enough for all the deployments that the tests need. This module takes the place of `entry.py` by the
option `main` of wrangler/stack.mjs; it lies outside of what is built and uploaded, and no module of a worker reads the
header (tests/stacks/test_uploads.py).
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from workers import WorkflowEntrypoint

from electrons.runtime.convert import to_js_object
from electrons.runtime.entrypoint import create_handlers

HEADER = "X-Test-Settings"

entry: Any = importlib.import_module("entry")  # each worker has its own
_deployments: dict[str, Any] = {}


def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
    """Return the response to one request, by the settings that it brings."""
    settings = request.headers.get(HEADER)
    if not isinstance(settings, str):
        return entry.on_fetch(request, env, ctx)
    if settings not in _deployments:
        _deployments[settings], _ = create_handlers(entry.app)
    return _deployments[settings](request, _Env(env, settings), ctx)


on_scheduled = entry.on_scheduled


class _Env:
    """A worker's vars and bindings, with other vars over them. Workflows that it starts get these vars as well."""

    def __init__(self, env: Any, settings: str) -> None:
        self._raw = env
        self._settings = settings
        self._vars: dict[str, str] = json.loads(settings)

    @property
    def _env(self) -> _Env:
        """Where the entry points expect the vars and bindings themselves."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name in self._vars:
            return self._vars[name]
        value = getattr(self._raw, name)
        is_workflow = getattr(getattr(value, "constructor", None), "name", None) == "WorkflowImpl"
        return _WorkflowBinding(value, self._settings) if is_workflow else value


class _WorkflowBinding:
    """A Workflow binding whose instances get the settings as their parameters."""

    def __init__(self, binding: Any, settings: str) -> None:
        self._binding = binding
        self._settings = settings

    def create(self, options: Any) -> Any:
        return self._binding.create(to_js_object({"id": options.id, "params": self._settings}))

    def get(self, instance_id: str) -> Any:
        return self._binding.get(instance_id)


def _with_settings(original: Any) -> Any:
    """Return the same Workflow, which takes the settings from an instance's parameters."""

    async def run(self: WorkflowEntrypoint, event: Any, step: Any) -> None:
        if isinstance(event.payload, str):
            self.env = _Env(self.env, event.payload)
        await original.run(self, event, step)

    # Set on the finished class, for the SDK would convert the arguments of a `run` in its body, and then once more.
    workflow: Any = type(original.__name__, (original,), {})
    workflow.run = run
    return workflow


def _export_classes() -> None:
    """Export the classes that the worker's own main module exports: workerd takes each that it finds."""
    for name, value in vars(entry).items():
        if isinstance(value, type):
            globals()[name] = _with_settings(value) if issubclass(value, WorkflowEntrypoint) else value


_export_classes()
