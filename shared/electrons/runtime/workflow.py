"""The Workflow: a shell around an async function of steps.

Source: https://developers.cloudflare.com/workflows/python/python-workers-api/. Results cross into JavaScript as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from pyodide.ffi import JsException
from workers import WorkflowEntrypoint

from electrons.app import App
from electrons.context import Context
from electrons.http import Request
from electrons.runtime.entrypoint import Isolate
from electrons.runtime.loop import install as install_loop
from electrons.workflows import Retries, Steps

_STEP_TIMEOUT = "15 minutes"

Work = Callable[[Steps, Context, str], Awaitable[None]]


def create_workflow(name: str, app: App, work: Work) -> type[WorkflowEntrypoint]:
    """Return the class to export as `name` for `[[workflows]]`. Each instance runs `work(steps, context, instance_id)`.

    The work sets the context's `request_id`. A factory, because workerd exports each class in the main module.
    """
    install_loop()

    class Workflow(WorkflowEntrypoint):
        """One kind of work."""

        async def run(self, event: Any, step: Any) -> None:
            """Run an instance from its beginning, for the first time or again."""
            env = self.env._env  # noqa: SLF001  # the SDK's wrapper converts whole object graphs; ours passes text
            context = Isolate(app, env).create_context(Request(method="WORKFLOW", url=""))
            await work(_Steps(step), context, event["instanceId"])

    Workflow.__name__ = name  # workerd finds it by this name
    return Workflow


class _Steps:
    """See `Steps`."""

    def __init__(self, step: Any) -> None:
        self._step = step

    async def do(self, name: str, work: Callable[[], Awaitable[Any]], *, retries: Retries | None = None) -> Any:
        async def run() -> str:
            return json.dumps(await work())

        config: dict[str, Any] = {"timeout": _STEP_TIMEOUT}
        if retries is not None:
            delay = f"{retries.first_pause_seconds} seconds"
            config["retries"] = {"limit": retries.limit, "delay": delay, "backoff": "exponential"}
        return json.loads(await self._step.do(name, config=config)(run)())

    async def sleep(self, name: str, *, seconds: float) -> None:
        await self._step.sleep(name, round(seconds * 1000))

    async def wait(self, name: str, *, event: str, seconds: float) -> None:
        try:
            await self._step.wait_for_event(name, event, timeout=round(seconds * 1000))
        except JsException as error:
            if "timed out" not in str(error):
                raise
