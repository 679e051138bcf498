"""Sending load to a gateway, and what it costs the gateway."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import setup
from benchmark.processes import Usage

WARMUP = 100
_PROGRAM = str(Path(__file__).with_name("load.mjs"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL to send to, and where it is measured."""

    url: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    measure: Callable[[], Usage] | None = None

    @property
    def streamed(self) -> Target:
        """The same question, answered as a stream."""
        return replace(self, body={**(self.body or {}), "stream": True})

    @property
    def counted(self) -> Target:
        """The same chat, whose stream reports its usage; text-gen hands such a stream on as it is."""
        return replace(self, body={**(self.body or {}), "stream_options": {"include_usage": True}})

    def ask(self, question: str) -> Target:
        """Return the target with another question, as a prompt or as the only message."""
        body = self.body or {}
        asked = {"prompt": question} if "prompt" in body else {"messages": [{"role": "user", "content": question}]}
        return replace(self, body={**body, **asked})


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Times in milliseconds; `cpu` is that of the gateway for one response, None where it is not measured."""

    p50: float
    p99: float
    first: float
    per_second: float
    frames: float
    late: float
    cpu: float | None


def send_load(target: Target, *, clients: int = 1, requests: int = 500, frame_ms: float = 0) -> Figures:
    """Send the requests after a hundred that are not counted. Raises CalledProcessError at a status other than 200."""
    options = {
        "url": target.url,
        "method": "GET" if target.body is None else "POST",
        "body": "" if target.body is None else json.dumps(target.body),
        "headers": target.headers,
        "clients": clients,
        "requests": requests,
        "warmup": min(WARMUP, requests),
        "frame_ms": frame_ms,
    }
    before = target.measure() if target.measure else None
    command = [str(setup.NODE), _PROGRAM, json.dumps(options)]
    result = subprocess.run(command, cwd=setup.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    cpu = None
    if target.measure and before:
        cpu = (target.measure().cpu_ms - before.cpu_ms) / (requests + min(WARMUP, requests))
    return Figures(cpu=cpu, **json.loads(result.stdout))
