"""Run generated Workers code before it is deployed or committed, in an isolate of its own.

The code is loaded by Cloudflare's Worker Loader binding, without network and without bindings, and is sent requests.
Whatever the code does is a result of the trial. Only a loader that fails with other code too has failed itself.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from electrons.bindings import LoadedRequest, LoadedWorker, Loader, LoaderError
from electrons.errors import UnavailableError
from sandbox_executor.checks import Problem
from sandbox_executor.loader_errors import explain_error, is_start_failure, looks_like_loader_failure
from sandbox_executor.worker_code import Language, WorkerFiles, build_worker_code

BASE_URL = "https://trial.example"
"""The address at which the code appears to be served; the domain is reserved (RFC 2606)."""

PYTHON_START_SECONDS = 20
"""What Python may take to start, besides the trial's own time: dynamic code has no memory snapshot to start from."""

MAX_BODY_BYTES = 64 * 1024
"""Bytes of a response body that are read."""

_ABSENT = '"electrons:absent"'
_OWN_CODE_DATE = "2026-10-01"
_OWN_CODE_SECONDS = 10
_OWN_CODE_CPU_MS = 1000

_CONTROLS: Mapping[Language, WorkerFiles] = {
    "javascript": WorkerFiles(
        main="control.js",
        modules={"control.js": 'export default { fetch() { return new Response("alive"); } };\n'},
        compatibility_date=_OWN_CODE_DATE,
    ),
    "python": WorkerFiles(
        main="control.py",
        modules={
            "control.py": "from workers import Response, WorkerEntrypoint\n\n\n"
            "class Default(WorkerEntrypoint):\n"
            "    async def fetch(self, request):\n"
            '        return Response("alive")\n'
        },
        compatibility_date=_OWN_CODE_DATE,
    ),
}
"""Code that works wherever the loader does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """One request to the code; `path` begins with a slash and may have a query."""

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAnswer:
    """The result of one request: a response, or an `error` (then `status` is None).

    A redirect is not followed. `body` is text; of bytes that are not text it says only how many there are.
    """

    status: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    body: str = ""
    truncated: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """The result of one trial. Exactly one of these holds:

    - `not_run` says why this code cannot be tried here (the loader does not run its language);
    - `error` says why it does not start (`started` is False);
    - it started, and `answers` has one entry for each request, in order.
    """

    started: bool
    answers: Sequence[TrialAnswer] = ()
    error: str | None = None
    not_run: str | None = None


async def run_trial(
    loader: Loader, files: WorkerFiles, requests: Sequence[TrialRequest], *, seconds: float, cpu_ms: int
) -> TrialResult:
    """Load the code into a new isolate and send it the requests, one after another; without requests a `GET /`.

    `seconds` is for all of it (Python has `PYTHON_START_SECONDS` more), `cpu_ms` for each request. Raises
    `UnavailableError` if the loader itself fails.
    """
    if files.language is None:
        return TrialResult(started=False, not_run=f"{files.main} is neither JavaScript nor Python")
    if files.main not in files.modules:
        return TrialResult(started=False, error=f"There is no file {files.main}")
    answers: list[TrialAnswer] = []
    worker: LoadedWorker | None = None
    try:
        worker = await loader.load(build_worker_code(files, cpu_ms=cpu_ms))
        async with asyncio.timeout(seconds + _start_seconds(files.language)):
            for request in requests or [TrialRequest()]:
                try:
                    answers.append(await _send(worker, request))
                except LoaderError as error:
                    if looks_like_loader_failure(str(error)) or is_start_failure(str(error)):
                        raise
                    answers.append(TrialAnswer(error=explain_error(str(error), files, cpu_ms=cpu_ms)))
    except TimeoutError:
        answers.append(TrialAnswer(error=f"No answer within the {seconds:g} seconds of the trial"))
        unsent = len(requests) - len(answers)
        answers += [TrialAnswer(error="Not sent, because the time was over")] * unsent
    except LoaderError as error:
        return await _end_trial(loader, files, str(error), cpu_ms=cpu_ms)
    finally:
        if worker is not None:
            worker.close()
    return TrialResult(started=True, answers=answers)


async def check_javascript(loader: Loader, files: Mapping[str, str | bytes]) -> list[Problem]:
    """Return what is wrong with the syntax of JavaScript modules, without running any of them.

    Each is loaded with one more import, of a module that does not exist: the engine parses the whole text before it
    looks for imports, and evaluates nothing until it has found them. So a `SyntaxError` is the file's, and any other
    error says that its syntax is right.
    """
    problems = []
    for path, content in files.items():
        text = content if isinstance(content, str) else content.decode(errors="replace")
        source = f"{text}\nimport {_ABSENT};\n"
        code = WorkerFiles(main=path, modules={path: source}, compatibility_date=_OWN_CODE_DATE)
        result = await run_trial(loader, code, [], seconds=_OWN_CODE_SECONDS, cpu_ms=_OWN_CODE_CPU_MS)
        if result.error is not None and result.error.startswith("SyntaxError: "):
            problems.append(_locate(path, result.error, lines=max(1, len(text.splitlines()))))
    return problems


async def is_loader_working(loader: Loader, language: Language) -> bool:
    """Return whether the loader runs code of ours in this language."""
    worker: LoadedWorker | None = None
    try:
        async with asyncio.timeout(_OWN_CODE_SECONDS + _start_seconds(language)):
            worker = await loader.load(build_worker_code(_CONTROLS[language], cpu_ms=_OWN_CODE_CPU_MS))
            answer = await _send(worker, TrialRequest())
    except (LoaderError, TimeoutError):
        return False
    finally:
        if worker is not None:
            worker.close()
    return (answer.status, answer.body) == (200, "alive")


async def _end_trial(loader: Loader, files: WorkerFiles, message: str, *, cpu_ms: int) -> TrialResult:
    """Return the result of an error that ends the trial. Raises `UnavailableError` if it is the loader's."""
    text = explain_error(message, files, cpu_ms=cpu_ms)
    if not looks_like_loader_failure(message) or files.language is None:
        return TrialResult(started=False, error=text)
    if await is_loader_working(loader, files.language):
        return TrialResult(started=False, error=f"The code ends with the error: {text}")
    if files.language == "python" and await is_loader_working(loader, "javascript"):
        return TrialResult(started=False, not_run="The loader does not run Python here")
    raise UnavailableError("The Worker Loader cannot be reached: try again later")


async def _send(worker: LoadedWorker, request: TrialRequest) -> TrialAnswer:
    sent = LoadedRequest(method=request.method, url=BASE_URL + request.path, headers=request.headers, body=request.body)
    response = await worker.fetch(sent, max_body_bytes=MAX_BODY_BYTES)
    try:
        # The cut may go through the middle of a character.
        decoder = codecs.getincrementaldecoder("utf-8")()
        body = decoder.decode(response.body, final=not response.truncated)
    except UnicodeDecodeError:
        body = f"<{'more than ' * response.truncated}{len(response.body)} bytes>"
    return TrialAnswer(status=response.status, headers=response.headers, body=body, truncated=response.truncated)


def _start_seconds(language: Language) -> int:
    return PYTHON_START_SECONDS if language == "python" else 0


def _locate(path: str, error: str, *, lines: int) -> Problem:
    """Return the problem in an error text, whose second line is `  at path:line:column`."""
    message, _, where = error.partition("\n")
    found = re.search(r":(\d+):\d+", where)
    line = int(found[1]) if found else None
    if line is not None and line > lines:  # the engine trips over our own import, where the file should go on
        return Problem(path, lines, "SyntaxError: Unexpected end of file")
    return Problem(path, line, message)
