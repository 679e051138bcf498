"""A Workflow in memory: results of steps are kept, and its process can be killed at any of them."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from electrons.context import Context
from electrons.errors import UnavailableError
from electrons.workflows import Retries, Steps

Run = Callable[[Steps, Context, str], Awaitable[None]]


class Killed(BaseException):
    """The end of the process, which no code notices."""


@dataclass
class MemorySteps:
    """The steps of one instance. `done` has the name of each step that was run, `results` what is kept.

    More of them than `limit` fail the test. Pauses are none, and a wait ends at once, unless the steps are `patient`:
    then it lasts until the event comes, and `waiting` is set meanwhile.

    The process is killed once in each step of `kill_in`, when its work is done and its result is not kept yet, and
    right before each step of `kill_before`.
    """

    kill_in: set[str] = field(default_factory=set)
    kill_before: set[str] = field(default_factory=set)
    limit: int = 30
    patient: bool = False
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    events: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)

    async def do(self, name: str, work: Callable[[], Awaitable[Any]], *, retries: Retries | None = None) -> Any:
        """See `Steps.do`."""
        if name in self.results:
            return json.loads(self.results[name])
        self._kill(self.kill_before, name)
        self.done.append(name)
        if len(self.done) > self.limit:
            raise AssertionError(f"too many steps: {self.done}")
        for _ in range(retries.limit if retries else 0):
            try:
                result = json.dumps(await work())
                break
            except Exception:  # noqa: BLE001, S112  # a step is tried again whatever it raises
                continue
        else:
            result = json.dumps(await work())
        self._kill(self.kill_in, name)
        self.results[name] = result
        return json.loads(result)

    async def sleep(self, name: str, *, seconds: float) -> None:
        """See `Steps.sleep`."""

    async def wait(self, name: str, *, event: str, seconds: float) -> None:
        """See `Steps.wait`."""
        if name in self.results:
            return
        while self.patient and event not in self.events:
            self.waiting.set()
            await asyncio.sleep(0)
        self.waiting.clear()
        self.events.discard(event)
        self.results[name] = "null"

    @staticmethod
    def _kill(names: set[str], name: str) -> None:
        if name in names:
            names.remove(name)
            raise Killed


@dataclass
class MemoryWorkflow:
    """A Workflow. `steps` are those of all instances by id, new ones like `model`; each runs in `tasks`."""

    run: Run
    create_context: Callable[[], Context]
    failure: UnavailableError | None = None
    model: MemorySteps = field(default_factory=MemorySteps)
    steps: dict[str, MemorySteps] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    completed: set[str] = field(default_factory=set)

    async def create(self, instance_id: str) -> None:
        """See `Workflow.create`."""
        if self.failure is not None or instance_id in self.steps:
            raise self.failure or UnavailableError("there is such an instance")
        self.steps[instance_id] = copy.deepcopy(self.model)
        self._start(instance_id)

    async def send(self, instance_id: str, *, event: str) -> None:
        """See `Workflow.send`: a killed instance runs again, and one that is complete takes nothing."""
        if instance_id not in self.steps or instance_id in self.completed:
            raise UnavailableError("there is no such instance")
        self.steps[instance_id].events.add(event)
        if self.tasks[instance_id].done():
            self._start(instance_id)

    def _start(self, instance_id: str) -> None:
        async def live() -> None:
            try:
                await self.run(self.steps[instance_id], self.create_context(), instance_id)
            except Killed:
                self.killed.set()
            else:
                self.completed.add(instance_id)

        self.tasks[instance_id] = asyncio.get_running_loop().create_task(live())
        self.started.set()
