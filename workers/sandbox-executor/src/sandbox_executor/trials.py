"""Running generated Workers code before anybody trusts it, as far as it needs no runtime.

The code is loaded into an isolate of its own by Cloudflare's Worker Loader binding
(https://developers.cloudflare.com/dynamic-workers/api-reference/), without network and without bindings; requests are
sent to it. This module turns files into a `WorkerCode` object, and the runtime's error texts into texts for the author
of the code.

JavaScript is wrapped in a main module of ours, `ENTRY`, because an error that leaves an isolate loses its stack: the
wrapper puts the stack into the message, and says in plain words that a default export is missing.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from electrons.bindings import LoadedRequest, LoadedWorker, Loader, LoaderError
from electrons.errors import UnavailableError
from sandbox_executor.checks import Problem

BASE_URL = "https://trial.example"
"""Where the code seems to be served; the domain is reserved (RFC 2606)."""

ENTRY = "electrons-trial.js"

PYTHON_START_SECONDS = 20
"""What Python may take to boot, besides the trial's own time: dynamic code has no memory snapshot to start from."""

MAX_BODY_BYTES = 64 * 1024
"""How much of a response body is read."""

_ABSENT = '"electrons:absent"'
_SYNTAX_DATE = "2026-10-01"
_SYNTAX_SECONDS = 10
_SYNTAX_CPU_MS = 1000

Language = Literal["javascript", "python"]

_SUFFIXES: Mapping[str, Language] = {".js": "javascript", ".mjs": "javascript", ".py": "python"}
_CODE_SUFFIXES = {*_SUFFIXES, ".cjs", ".ts", ".tsx", ".jsx", ".mts"}

_MAX_ERROR_LINES = 20
_MAX_ERROR_CHARACTERS = 4000
_READ_CHARACTERS = 16_000
"""Of an error, before its inner frames are taken out: the code may throw a text of any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCode:
    """Files of one Worker by path, and the one that is its main module.

    Text is a module by its suffix, bytes are data. `compatibility_date` must not be later than the runtime's own.
    """

    main: str
    modules: Mapping[str, str | bytes]
    compatibility_date: str
    compatibility_flags: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def language(self) -> Language | None:
        """What the main module is written in, None for what no loader runs."""
        return _SUFFIXES.get(PurePosixPath(self.main).suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRequest:
    """One request to the code; `path` begins with a slash and may have a query."""

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAnswer:
    """What came of one request: a response, or an `error` (`status` is then None, or the body broke off).

    A redirect is not followed. `body` is text; of bytes that are no text it says only how many there are.
    """

    status: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    body: str = ""
    truncated: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What came of one trial. Exactly one of these holds:

    - `not_run` says why nobody can say anything about this code here (its language is not served);
    - `error` says why it does not start (`started` is False);
    - it started, and `answers` has one entry for each request, in order.
    """

    started: bool
    answers: Sequence[TrialAnswer] = ()
    error: str | None = None
    not_run: str | None = None


async def run_trial(
    loader: Loader, code: TrialCode, requests: Sequence[TrialRequest], *, seconds: float, cpu_ms: int
) -> TrialResult:
    """Load the code into a new isolate and send it the requests, one after another; without requests a `GET /`.

    `seconds` is for all of it (Python has `PYTHON_START_SECONDS` more), `cpu_ms` for each request. Whatever the code
    does is in the result; `UnavailableError` means that the loader itself failed.
    """
    if code.language is None:
        return TrialResult(started=False, not_run=f"{code.main} is neither JavaScript nor Python")
    if code.main not in code.modules:
        return TrialResult(started=False, error=f"There is no file {code.main}")
    worker = await loader.load(describe_worker_code(code, cpu_ms=cpu_ms))
    answers: list[TrialAnswer] = []
    try:
        async with asyncio.timeout(seconds + (PYTHON_START_SECONDS if code.language == "python" else 0)):
            for request in requests or [TrialRequest()]:
                try:
                    answers.append(await _send(worker, request))
                except LoaderError as error:
                    if ended := _explain_end(str(error), code, cpu_ms=cpu_ms):
                        return ended
                    answers.append(TrialAnswer(error=explain_error(str(error), code, cpu_ms=cpu_ms)))
    except TimeoutError:
        answers.append(TrialAnswer(error=f"No answer within the {seconds:g} seconds of the trial"))
        unsent = len(requests) - len(answers)
        answers += [TrialAnswer(error="Not sent, because the time was over")] * unsent
    finally:
        worker.close()
    return TrialResult(started=True, answers=answers)


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


def _explain_end(message: str, code: TrialCode, *, cpu_ms: int) -> TrialResult | None:
    """Return the result if the error ends the trial, None if it belongs to one request. Raises `UnavailableError`."""
    text = explain_error(message, code, cpu_ms=cpu_ms)
    if is_loader_failure(message):
        if code.language == "python":
            return TrialResult(started=False, not_run="The loader does not run Python here")
        raise UnavailableError(f"The Worker Loader cannot be reached: {text}")
    return TrialResult(started=False, error=text) if is_start_failure(message) else None


async def check_javascript(loader: Loader, files: Mapping[str, str | bytes]) -> list[Problem]:
    """What is wrong with the syntax of JavaScript modules; nothing of them is run.

    Each is loaded with one more import, of a module that does not exist: the engine parses the whole text before it
    looks for imports, and evaluates nothing until it has found them. So a `SyntaxError` is the file's, and any other
    error says that its syntax is fine.
    """
    problems = []
    for path, content in files.items():
        text = content if isinstance(content, str) else content.decode(errors="replace")
        source = f"{text}\nimport {_ABSENT};\n"
        code = TrialCode(main=path, modules={path: source}, compatibility_date=_SYNTAX_DATE)
        result = await run_trial(loader, code, [], seconds=_SYNTAX_SECONDS, cpu_ms=_SYNTAX_CPU_MS)
        if result.error is not None and result.error.startswith("SyntaxError: "):
            problems.append(_locate(path, result.error, lines=max(1, len(text.splitlines()))))
    return problems


def _locate(path: str, error: str, *, lines: int) -> Problem:
    """The problem that an error text tells of, whose second line is `  at path:line:column`."""
    message, _, where = error.partition("\n")
    found = re.search(r":(\d+):\d+", where)
    line = int(found[1]) if found else None
    if line is not None and line > lines:  # the engine stumbles over our own import, where the file should go on
        return Problem(path, lines, "SyntaxError: Unexpected end of file")
    return Problem(path, line, message)


def describe_worker_code(code: TrialCode, *, cpu_ms: int) -> dict[str, Any]:
    """The `WorkerCode` object for the loader, without the values that are not JSON: bytes stay bytes.

    Sources of the other language and of those that no loader takes (TypeScript) are left out.
    """
    modules = {path: content for path, content in code.modules.items() if _belongs(path, code.language)}
    flags = [*code.compatibility_flags]
    if code.language == "python":
        # The runtime looks for Python modules beside the main one, and for that one at the top.
        folder = _folder(code.main)
        described = {path.removeprefix(folder): _describe_module(path, content) for path, content in modules.items()}
        main = code.main.removeprefix(folder)
        flags = [*dict.fromkeys([*flags, "python_workers"])]
    else:
        described = {path: _describe_module(path, content) for path, content in modules.items()}
        described[ENTRY] = {"js": _wrap(code.main)}
        main = ENTRY
    return {
        "mainModule": main,
        "modules": described,
        "compatibilityDate": code.compatibility_date,
        "compatibilityFlags": flags,
        "env": dict(code.env),
        "globalOutbound": None,
        "limits": {"cpuMs": cpu_ms, "subRequests": 0},
    }


def _belongs(path: str, language: Language | None) -> bool:
    suffix = PurePosixPath(path).suffix
    if suffix == ".cjs":
        return language == "javascript"
    return suffix not in _CODE_SUFFIXES or _SUFFIXES.get(suffix) == language


def _folder(path: str) -> str:
    head, slash, _ = path.rpartition("/")
    return head + slash


def _describe_module(path: str, content: str | bytes) -> dict[str, Any]:
    if isinstance(content, bytes):
        return {"wasm" if path.endswith(".wasm") else "data": content}
    match PurePosixPath(path).suffix:
        case ".js" | ".mjs":
            return {"js": content}
        case ".cjs":
            return {"cjs": content}
        case ".py":
            return {"py": content}
        case _:  # JSON as well: Cloudflare's upload has no content type for it (models/deploy.py)
            return {"text": content}


def _wrap(main: str) -> str:
    return _WRAPPER.replace("MAIN", json.dumps(f"./{main}"))


_WRAPPER = """\
import * as worker from MAIN;
export * from MAIN;
const given = worker.default;
const tell = (error) => (error?.stack ? new Error(error.stack) : error);
const told = async (fetch) => {
  try {
    return await fetch();
  } catch (error) {
    throw tell(error);
  }
};
function wrap() {
  if (typeof given === "function") {
    return class extends given {
      fetch(request) {
        return told(() => super.fetch(request));
      }
    };
  }
  if (typeof given?.fetch !== "function") throw new TypeError("The main module has no default export with fetch()");
  return Object.create(given, { fetch: { value: (...call) => told(() => given.fetch(...call)) } });
}
export default wrap();
"""

_START_FAILED = re.compile(r"Failed to start Worker:\s*(?:Uncaught )?")
_REFUSED = ("No such compatibility flag", "This Worker requires compatibility date", "Module name must end")
# Whole messages: what the code itself throws has a stack below it.
_LOADER_FAILED = re.compile(
    r"Error: (?:internal error; reference = \w+|Network connection lost\.|The process of a trial did not start\.)"
)
_CPU = "exceeded CPU time limit"

_INTERNAL_FRAME = re.compile(rf"^\s+at .*(?:pyodide\S*-internal:|pyodide:|wasm://|file://|{re.escape(ENTRY)})")
_PYTHON_FRAME = re.compile(r'^\s+File "(?:/lib/|<exec>)')
_PREFIX = re.compile(r"^(?:(?:Error|PythonError): )+")


def is_start_failure(message: str) -> bool:
    """Whether the loader's error says that the code could not be started at all, so that it answers nothing."""
    return bool(_START_FAILED.search(message)) or any(text in message for text in _REFUSED)


def is_loader_failure(message: str) -> bool:
    """Whether it is the loader that failed, not the code."""
    return bool(_LOADER_FAILED.fullmatch(message))


def explain_error(message: str, code: TrialCode, *, cpu_ms: int) -> str:
    """An error text of the runtime for whoever wrote the code: its own frames, with its own paths, and nothing else."""
    if _CPU in message:
        return f"The code did not end within the CPU limit of {cpu_ms} ms: it computes too long, or for ever"
    text = _START_FAILED.sub("", message[:_READ_CHARACTERS]).replace("/session/metadata/", _folder(code.main))
    text = _PREFIX.sub("", text)
    lines = [line for line in _without_python_frames(text.splitlines()) if not _INTERNAL_FRAME.match(line)]
    return "\n".join(lines[:_MAX_ERROR_LINES]).strip()[:_MAX_ERROR_CHARACTERS]


def _without_python_frames(lines: Iterable[str]) -> Iterable[str]:
    """The lines of a traceback without the frames of the standard library and the runtime."""
    dropping = False
    for line in lines:
        if line.startswith('  File "'):
            dropping = bool(_PYTHON_FRAME.match(line))
        elif not line.startswith("    "):
            dropping = False
        if not dropping:
            yield line
