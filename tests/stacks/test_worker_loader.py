"""The local stack's Worker Loader (wrangler/loader/), called as Cloudflare's is: what may go wrong in loaded code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from setup import NODE, ROOT, environment

JSON = dict[str, Any]

SCRIPT = Path(__file__).parents[1] / "loader" / "call.mjs"


class Caller:
    """A worker that loads code and sends it requests."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def load(self, code: JSON, *, times: int = 1) -> list[JSON]:
        """Return the response to each request."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"code": code, "times": times}) + "\n")
        self._process.stdin.flush()
        answers: list[JSON] = json.loads(self._process.stdout.readline())
        return answers


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    command = [str(NODE), str(SCRIPT)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Caller(process)


def javascript(source: str, **modules: Any) -> JSON:
    return {"mainModule": "index.js", "modules": {"index.js": source, **modules}, "limits": {"cpuMs": 500}}


def handler(body: str) -> JSON:
    return javascript(f"export default {{ async fetch(request) {{ {body} }} }}")


def test_code_when_it_is_asked_twice_then_one_isolate_answers(caller: Caller) -> None:
    code = javascript(
        "let count = 0; export default { async fetch(request) {"
        "return new Response([request.method, request.url, await request.text(), ++count].join(' ')) } }"
    )

    assert caller.load(code, times=2) == [
        {"status": 200, "body": "POST https://trial.example/path body 1"},
        {"status": 200, "body": "POST https://trial.example/path body 2"},
    ]
    assert caller.load(code) == [{"status": 200, "body": "POST https://trial.example/path body 1"}]


def test_code_when_it_throws_then_its_error_is_passed_on(caller: Caller) -> None:
    assert caller.load(handler("throw new TypeError('no')")) == [{"error": "TypeError: no"}]


def test_code_that_cannot_start_has_the_loaders_message(caller: Caller) -> None:
    (answer,) = caller.load(javascript("export default { fetch( }"))

    assert answer["error"].startswith("Error: Failed to start Worker:\nUncaught SyntaxError: ")
    assert "at index.js:1:" in answer["error"]


def test_code_when_it_uses_the_network_then_refused(caller: Caller) -> None:
    (answer,) = caller.load(handler("return fetch('http://127.0.0.1:1/')"))

    assert "not permitted to access the internet" in answer["error"]


def test_code_when_it_redirects_then_nobody_follows(caller: Caller) -> None:
    assert caller.load(handler("return Response.redirect('https://elsewhere.example/', 302)")) == [
        {"status": 302, "body": ""}
    ]


@pytest.mark.parametrize("source", ["export default { fetch() { while (true) {} } }", "while (true) {}"])
def test_code_that_never_ends_is_killed_and_the_next_runs(caller: Caller, source: str) -> None:
    assert caller.load(javascript(source)) == [{"error": "Error: Worker exceeded CPU time limit."}]
    assert caller.load(handler("return new Response('alive')")) == [{"status": 200, "body": "alive"}]


def test_code_that_takes_all_memory_is_killed(caller: Caller) -> None:
    hoard = handler("const all = []; while (true) all.push({ list: new Array(1000).fill(all.length) })")

    assert caller.load({**hoard, "limits": {"cpuMs": 20_000}}) == [{"error": "Error: Worker exceeded memory limit."}]
    assert caller.load(handler("return new Response('alive')")) == [{"status": 200, "body": "alive"}]


def test_response_that_imitates_an_error_is_a_response(caller: Caller) -> None:
    code = handler("return new Response('mine', { headers: { 'X-Trial-Thrown': 'true' } })")

    assert caller.load(code) == [{"status": 200, "body": "mine"}]


def test_python_when_it_is_loaded_then_it_answers(caller: Caller) -> None:
    source = (
        "from workers import Response, WorkerEntrypoint\n"
        "from other import GREETING\n"
        "class Default(WorkerEntrypoint):\n"
        "    async def fetch(self, request):\n"
        "        return Response(GREETING)\n"
    )
    modules = {"main.py": {"py": source}, "other.py": {"py": "GREETING = 'hello'"}}
    code = {"mainModule": "main.py", "modules": modules, "compatibilityFlags": ["python_workers"]}

    assert caller.load(code) == [{"status": 200, "body": "hello"}]
