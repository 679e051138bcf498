"""Generated code on its way to the Worker Loader, and the loader's words on their way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from electrons.bindings import LoadedRequest, LoadedResponse, LoaderError
from electrons.errors import UnavailableError
from sandbox_executor.loader_errors import explain_error, is_start_failure, looks_like_loader_failure
from sandbox_executor.trial_runner import check_javascript, run_trial
from sandbox_executor.worker_code import ENTRY, WorkerFiles, build_worker_code


def code_of(modules: dict[str, str | bytes], main: str) -> WorkerFiles:
    return WorkerFiles(main=main, modules=modules, compatibility_date="2026-10-01")


def test_javascript_is_wrapped_and_typed_by_suffix() -> None:
    files: dict[str, str | bytes] = {
        "src/index.js": "export default {}",
        "src/lib.cjs": "exports.a = 1",
        "src/a.json": '{"a": 1}',
        "src/broken.json": "{",
        "page.html": "<p>",
        "logo.png": b"\x89",
        "add.wasm": b"\0asm",
        "tool.py": "x = 1",
        "types.ts": "const a: number",
    }

    described = build_worker_code(code_of(files, "src/index.js"), cpu_ms=50)

    assert described["mainModule"] == ENTRY
    assert '"./src/index.js"' in described["modules"].pop(ENTRY)["js"]
    assert described["modules"] == {
        "src/index.js": {"js": "export default {}"},
        "src/lib.cjs": {"cjs": "exports.a = 1"},
        "src/a.json": {"text": '{"a": 1}'},
        "src/broken.json": {"text": "{"},
        "page.html": {"text": "<p>"},
        "logo.png": {"data": b"\x89"},
        "add.wasm": {"wasm": b"\0asm"},
    }
    assert described["globalOutbound"] is None
    assert described["env"] == {}
    assert described["limits"] == {"cpuMs": 50, "subRequests": 0}


def test_main_module_of_python_is_at_the_top() -> None:
    described = build_worker_code(code_of({"src/entry.py": "import a", "src/a.py": ""}, "src/entry.py"), cpu_ms=50)

    assert described["mainModule"] == "entry.py"
    assert described["modules"] == {"entry.py": {"py": "import a"}, "a.py": {"py": ""}}
    assert described["compatibilityFlags"] == ["python_workers"]


@pytest.mark.parametrize(
    ("main", "language"),
    [("a.js", "javascript"), ("a.mjs", "javascript"), ("a.py", "python"), ("a.ts", None), ("a", None)],
)
def test_language_is_that_of_the_main_modules_suffix(main: str, language: str | None) -> None:
    assert code_of({}, main).language == language


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            "Error: Failed to start Worker:\nUncaught SyntaxError: Unexpected end of input\n  at src/a.js:2:27",
            "SyntaxError: Unexpected end of input\n  at src/a.js:2:27",
        ),
        (
            f"Error: TypeError: no\n    at f (src/a.js:2:1)\n    at reporting ({ENTRY}:6:1)\n    at x (file:///home/me/a.mjs:1:1)",
            "TypeError: no\n    at f (src/a.js:2:1)",
        ),
        (
            'PythonError: Traceback (most recent call last):\n  File "/lib/python3.14/x.py", line 9, in wrapper\n'
            '    return f()\n           ^\n  File "/session/metadata/other.py", line 2, in f\n    1/0\n'
            "ZeroDivisionError: no\n",
            'Traceback (most recent call last):\n  File "src/other.py", line 2, in f\n    1/0\nZeroDivisionError: no',
        ),
        (
            "Error: Worker exceeded CPU time limit.",
            "The code did not end within the CPU limit of 50 ms: it computes too long, or forever",
        ),
    ],
)
def test_explained_error_has_only_the_codes_own_frames(message: str, text: str) -> None:
    assert explain_error(message, code_of({}, "src/entry.py"), cpu_ms=50) == text


def test_error_when_it_is_long_then_cut() -> None:
    assert len(explain_error("Error: " + "x" * 100_000, code_of({}, "a.js"), cpu_ms=50)) == 4000


@pytest.mark.parametrize(
    ("message", "start", "loader"),
    [
        ("Error: Failed to start Worker:\nUncaught Error: no", True, False),
        ("Error: No such compatibility flag: x", True, False),
        ("Error: internal error; reference = x", False, True),
        ("Error: Error: Network connection lost.\n    at f (a.js:1:1)", False, False),
        ("TypeError: no", False, False),
    ],
)
def test_failures_of_start_and_of_loader_are_distinguished(message: str, start: bool, loader: bool) -> None:
    assert (is_start_failure(message), looks_like_loader_failure(message)) == (start, loader)


class Parser:
    """A loader that says the same of every code."""

    def __init__(self, error: str) -> None:
        self.error = error

    async def load(self, code: Mapping[str, Any]) -> Parser:
        """See `Loader.load`."""
        assert code["limits"]["cpuMs"]
        return self

    async def fetch(self, request: LoadedRequest, *, max_body_bytes: int) -> LoadedResponse:
        """See `LoadedWorker.fetch`."""
        assert request.method == "GET" and max_body_bytes
        raise LoaderError(f"Error: Failed to start Worker: {self.error}")

    def close(self) -> None:
        """See `LoadedWorker.close`."""


@pytest.mark.parametrize(
    ("error", "problems"),
    [
        ("SyntaxError: Unexpected token ';'\n  at a.js:2:3", ["a.js:2: SyntaxError: Unexpected token ';'"]),
        ("SyntaxError: Unexpected string\n  at a.js:3:8", ["a.js:2: SyntaxError: Unexpected end of file"]),
        ("SyntaxError: somewhere", ["a.js: SyntaxError: somewhere"]),
        ('No such module "electrons:absent".', []),
    ],
)
async def test_check_of_javascript_reports_only_syntax_errors(error: str, problems: list[str]) -> None:
    found = await check_javascript(Parser(error), {"a.js": "one\ntwo"})

    assert [str(problem) for problem in found] == problems


def test_error_of_endless_prefixes_is_explained_at_once() -> None:
    text = explain_error("Error: " * 1_000_000 + "no", code_of({}, "a.js"), cpu_ms=50)

    assert len(text) < len("Error: ")


LOADER_FAILURE = "Error: Network connection lost."


class Isolates:
    """A loader whose own code works for these languages, and which fails with the same error for any other code."""

    def __init__(self, error: str, *, working: set[str]) -> None:
        self._error = error
        self._working = working

    async def load(self, code: Mapping[str, Any]) -> Isolate:
        """See `Loader.load`."""
        language = "python" if "python_workers" in code["compatibilityFlags"] else "javascript"
        is_control = any("control" in path for path in code["modules"])
        return Isolate(None if is_control and language in self._working else self._error)


class Isolate:
    """Loaded code that responds, or fails with an error."""

    def __init__(self, error: str | None) -> None:
        self._error = error

    async def fetch(self, request: LoadedRequest, *, max_body_bytes: int) -> LoadedResponse:
        """See `LoadedWorker.fetch`."""
        if self._error:
            raise LoaderError(self._error)
        return LoadedResponse(status=200, headers=[], body=b"alive", truncated=False)

    def close(self) -> None:
        """See `LoadedWorker.close`."""


@pytest.mark.parametrize("main", ["a.js", "a.py"])
@pytest.mark.parametrize("error", [LOADER_FAILURE, "Error: internal error; reference = forged"])
async def test_code_that_forges_a_loader_failure_fails_its_trial(main: str, error: str) -> None:
    loader = Isolates(error, working={"javascript", "python"})

    result = await run_trial(loader, code_of({main: ""}, main), [], seconds=1, cpu_ms=50)

    assert (result.started, result.not_run) == (False, None)
    assert result.error == f"The code ends with the error: {error.removeprefix('Error: ')}"


@pytest.mark.parametrize("main", ["a.js", "a.py"])
async def test_loader_that_fails_with_any_code_is_unavailable(main: str) -> None:
    with pytest.raises(UnavailableError, match="The Worker Loader cannot be reached"):
        await run_trial(Isolates(LOADER_FAILURE, working=set()), code_of({main: ""}, main), [], seconds=1, cpu_ms=50)


async def test_loader_that_runs_only_javascript_does_not_judge_python() -> None:
    loader = Isolates(LOADER_FAILURE, working={"javascript"})

    result = await run_trial(loader, code_of({"a.py": ""}, "a.py"), [], seconds=1, cpu_ms=50)

    assert (result.error, result.not_run) == (None, "The loader does not run Python here")
