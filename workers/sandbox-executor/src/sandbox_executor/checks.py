"""Check generated files without running them: does a file compile, does it parse?

Only a JavaScript engine knows the syntax of JavaScript: `trial_runner.check_javascript` uses one.
"""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic_core import from_json

MAX_SOURCE_CHARACTERS = 512 * 1024
"""A larger file is not checked: a compiler needs many times a source's size."""

MAX_CHAIN = 500
"""A statement of more operators, or an `if` of more branches, is not compiled either. Each may be one level of the
syntax tree, and the compiler calls itself for each level: in WebAssembly a tree that is too deep ends the process, not
just the compilation."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file. `line` counts from 1, None where the parser does not say."""

    path: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.path}{f':{self.line}' if self.line else ''}: {self.message}"


def check_files(files: Mapping[str, str | bytes]) -> tuple[list[Problem], list[str]]:
    """Compile Python, parse JSON and TOML; return the problems, and the paths of the files that were not checked."""
    problems: list[Problem] = []
    unchecked: list[str] = []
    for path, content in files.items():
        check = _CHECKS.get(PurePosixPath(path).suffix)
        if (
            check is None
            or isinstance(content, bytes)
            or len(content) > MAX_SOURCE_CHARACTERS
            or _is_deep(path, content)
        ):
            unchecked.append(path)
        elif (problem := check(path, content)) is not None:
            problems.append(problem)
    return problems, unchecked


def _is_deep(path: str, content: str) -> bool:
    """Return whether a source may be nested too deep for the compiler, or have too long a key for the TOML parser."""
    if path.endswith(".toml"):
        return any(line.count(".") > MAX_CHAIN for line in content.splitlines())
    if not path.endswith(".py"):
        return False
    operators = branches = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(content).readline):
            if token.type == tokenize.NEWLINE:
                operators = 0
            elif (token.type == tokenize.OP and token.string not in _FLAT) or token.string in _CHAINING:
                operators += 1
            elif token.string == "elif":
                branches += 1
            if max(operators, branches) > MAX_CHAIN:
                return True
    except (tokenize.TokenError, SyntaxError):
        return False  # it does not compile, and the compiler says where
    return False


_FLAT = {",", ":", "=", ")", "]", "}"}
_CHAINING = {"not", "if", "lambda", "await", "in", "is", "for"}


def _check_python(path: str, content: str) -> Problem | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(content, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return Problem(path, error.lineno, f"{type(error).__name__}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(path, None, f"{type(error).__name__}: {error}")
    return None


def _check_json(path: str, content: str) -> Problem | None:
    try:
        # Not `json.loads`, which calls itself for each level: see MAX_CHAIN.
        from_json(content, allow_inf_nan=False)
    except ValueError as error:
        return Problem(path, _line_in(error), f"invalid JSON: {error}")
    return None


def _check_toml(path: str, content: str) -> Problem | None:
    try:
        tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        return Problem(path, _line_in(error), f"invalid TOML: {error}")
    return None


def _line_in(error: Exception) -> int | None:
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else None


_CHECKS = {".py": _check_python, ".json": _check_json, ".toml": _check_toml}
