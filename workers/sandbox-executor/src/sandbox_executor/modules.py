"""Which of the files make up a Worker, found from its main module."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from sandbox_executor.workspace import ToolError, Workspace

MODULES_LIMIT = 200

_TOO_MANY = f"The Worker has more than {MODULES_LIMIT} modules"

_MAINS = ("src/index.js", "src/index.mjs", "src/worker.js", "index.js", "worker.js", "src/entry.py", "entry.py")
_JAVASCRIPT = (".js", ".mjs")
# Each pattern reads a character once: a file may be written to keep a pattern busy forever.
_EXPORT = re.compile(r"\bexport\s+default\b")
_FETCH = re.compile(r"\bfetch\b")
_ENTRYPOINT = re.compile(r"\bclass\s+\w+\(WorkerEntrypoint\)")
_IMPORT = re.compile(r"""\b(?:from|import)\s*(?:\(\s*)?["'](\.{1,2}/[^"']+)["']""")

_TYPES = {
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "jsx": "javascript",
    "ts": "typescript",
    "tsx": "typescript",
    "py": "python",
    "json": "json",
    "toml": "toml",
    "yaml": "yaml",
    "yml": "yaml",
    "md": "markdown",
    "html": "html",
    "css": "css",
    "sql": "sql",
    "sh": "shell",
}


def file_type(path: str) -> str:
    """Return the language or format that a file's name says, `text` if it says none."""
    return _TYPES.get(posixpath.splitext(path)[1].lstrip(".").lower(), "text")


async def find_main(workspace: Workspace, named: str | None) -> str | None:
    """Return the main module of the Worker: the one that is named, or one with a usual name and content.

    Return None if no program has changed, or there is no Worker. Raises `ToolError` for a name that cannot be right.
    """
    if named is not None:
        if named not in workspace.paths:
            raise ToolError(f"There is no file `{named}`, which was named as the main module")
        if file_type(named) not in {"javascript", "python"}:
            raise ToolError("The main module must be a JavaScript module (.js, .mjs) or Python (.py)")
        return named
    if not any(file_type(path) in {"javascript", "python"} for path in workspace.changed.keys() | workspace.deleted):
        return None
    for path in _MAINS:
        if path in workspace.paths and _looks_like_a_worker(await workspace.read(path)):
            return path
    return None


@dataclass(frozen=True, slots=True)
class WorkerModules:
    """A Worker's modules by name; `main` is the name of one of them."""

    main: str
    modules: dict[str, str]


async def collect_modules(workspace: Workspace, main: str) -> WorkerModules:
    """Return the modules of the Worker whose main module is this file. Raises `ToolError`.

    For JavaScript they are what is imported from it, by paths that begin with a dot; for Python, which imports from the
    main module's folder, every `.py` file in that folder or below.
    """
    if file_type(main) == "python":
        folder = posixpath.dirname(main)
        inside = [path for path in workspace.paths if path.endswith(".py") and _is_below(path, folder)]
        if len(inside) > MODULES_LIMIT:
            raise ToolError(_TOO_MANY)
        modules = {posixpath.relpath(path, folder or "."): await workspace.read(path) for path in inside}
        return WorkerModules(posixpath.basename(main), modules)
    modules = {}
    waiting = [main]
    known = set(workspace.paths)
    while waiting:
        path = waiting.pop()
        modules[path] = await workspace.read(path)
        if len(modules) > MODULES_LIMIT:
            raise ToolError(_TOO_MANY)
        if path.endswith(_JAVASCRIPT):
            imports = (
                posixpath.normpath(f"{posixpath.dirname(path)}/{name}") for name in _IMPORT.findall(modules[path])
            )
            waiting += [name for name in imports if name in known and name not in modules and name not in waiting]
    return WorkerModules(main, modules)


def _looks_like_a_worker(text: str) -> bool:
    export = _EXPORT.search(text)
    return bool((export and _FETCH.search(text, export.end())) or _ENTRYPOINT.search(text))


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")
