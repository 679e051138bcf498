"""The files of a Worker as an object that Cloudflare's Worker Loader takes, with no network and no bindings.

See https://developers.cloudflare.com/dynamic-workers/api-reference/. JavaScript is wrapped in a main module of ours,
`ENTRY`, because an error that leaves an isolate loses its stack: the wrapper puts the stack into the message, and says
plainly that a default export is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

ENTRY = "electrons-trial.js"

Language = Literal["javascript", "python"]

_SUFFIXES: Mapping[str, Language] = {".js": "javascript", ".mjs": "javascript", ".py": "python"}
_CODE_SUFFIXES = {*_SUFFIXES, ".cjs", ".ts", ".tsx", ".jsx", ".mts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFiles:
    """Files of one Worker by path, and the one that is its main module.

    A string is a module by its suffix, bytes are data. `compatibility_date` must not be later than the runtime's own.
    """

    main: str
    modules: Mapping[str, str | bytes]
    compatibility_date: str
    compatibility_flags: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def language(self) -> Language | None:
        """Return the language of the main module, None for one that no loader runs."""
        return _SUFFIXES.get(PurePosixPath(self.main).suffix)

    @property
    def folder(self) -> str:
        """Return the folder of the main module with a slash at its end, `""` for the root."""
        head, slash, _ = self.main.rpartition("/")
        return head + slash


def build_worker_code(files: WorkerFiles, *, cpu_ms: int) -> dict[str, Any]:
    """Return the loader's `WorkerCode` object; its values are JSON, except for bytes.

    Sources in the other language, and in those that no loader takes (TypeScript), are left out.
    """
    modules = {path: content for path, content in files.modules.items() if _belongs(path, files.language)}
    flags = [*files.compatibility_flags]
    if files.language == "python":
        # The runtime looks for Python modules beside the main one, and for that one at the top.
        described = {path.removeprefix(files.folder): _build_module(path, text) for path, text in modules.items()}
        main = files.main.removeprefix(files.folder)
        flags = [*dict.fromkeys([*flags, "python_workers"])]
    else:
        described = {path: _build_module(path, content) for path, content in modules.items()}
        described[ENTRY] = {"js": _WRAPPER.replace("MAIN", json.dumps(f"./{files.main}"))}
        main = ENTRY
    return {
        "mainModule": main,
        "modules": described,
        "compatibilityDate": files.compatibility_date,
        "compatibilityFlags": flags,
        "env": dict(files.env),
        "globalOutbound": None,
        "limits": {"cpuMs": cpu_ms, "subRequests": 0},
    }


def _belongs(path: str, language: Language | None) -> bool:
    suffix = PurePosixPath(path).suffix
    if suffix == ".cjs":
        return language == "javascript"
    return suffix not in _CODE_SUFFIXES or _SUFFIXES.get(suffix) == language


def _build_module(path: str, content: str | bytes) -> dict[str, Any]:
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


_WRAPPER = """\
import * as worker from MAIN;
export * from MAIN;
const given = worker.default;
const withStack = (error) => {
  try {
    return error?.stack ? new Error(error.stack) : error;
  } catch {
    return new Error("The code threw a value that cannot be read");
  }
};
const reporting = async (fetch) => {
  try {
    return await fetch();
  } catch (error) {
    throw withStack(error);
  }
};
function wrap() {
  if (typeof given === "function") {
    return class extends given {
      fetch(request) {
        return reporting(() => super.fetch(request));
      }
    };
  }
  if (typeof given?.fetch !== "function") throw new TypeError("The main module has no default export with fetch()");
  return Object.create(given, { fetch: { value: (...call) => reporting(() => given.fetch(...call)) } });
}
export default wrap();
"""
