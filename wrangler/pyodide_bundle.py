"""Build the Pyodide bundle that workerd needs for Python Workers from the npm package `pyodide`.

workerd downloads the bundle (CPython as WebAssembly, its standard library and the Emscripten glue, 13 MB) from a CDN
when it first starts a Python Worker, which fails where the network is closed. With the compatibility flags
`python_workers_development` and `experimental` it reads `pyodide_dev.capnp.bin` from the folder that
`--pyodide-bundle-disk-cache-dir` names instead, without a download or a checksum. This module writes that file: one
Cap'n Proto message (`pyodide_bundle.capnp`) with three internal modules. Two are unchanged files of the npm package.
The third is the package's Emscripten glue, adapted to a runtime that forbids compiling WebAssembly from bytes and has
neither a clock nor entropy at start-up: the replacements of the forbidden calls are exported by workerd's own module
`pyodide-internal:builtin_wrappers`, found with `strings` in the workerd binary (workerd embeds its JavaScript as text).

    $ python wrangler/pyodide_bundle.py
    /path/to/.cache/pyodide/3f2a…

The folder's name is a hash of everything in the bundle, so the bundle is built once, and again after a change.
"""

import hashlib
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import capnp  # type: ignore[import-untyped]

PYODIDE_VERSION = "314.0.6"
"""The version that workerd compares with its own when the interpreter starts."""

BUNDLE_NAME = "pyodide_dev.capnp.bin"
"""The file name that workerd looks for under the flag `python_workers_development`."""

ROOT = Path(__file__).resolve().parent.parent
_SCHEMA = Path(__file__).with_suffix(".capnp")


class BundleError(Exception):
    """The bundle cannot be built from this `pyodide` package; the message says what to do."""


@dataclass(frozen=True)
class Substitution:
    """One edit of the glue: `pattern` (a regular expression) must match exactly `count` times."""

    name: str
    pattern: str
    replacement: str
    count: int = 1

    def apply(self, glue: str) -> str:
        """Return the edited glue. Raises `BundleError` if the glue is not the known one."""
        replacement = self.replacement
        edited, found = re.subn(self.pattern, lambda _: replacement, glue)
        if found != self.count:
            raise BundleError(
                f"The glue of pyodide {PYODIDE_VERSION} no longer fits: substitution '{self.name}' "
                f"matched {found} times instead of {self.count}. Install `pyodide@{PYODIDE_VERSION}` "
                f"(npm ci), or adapt SUBSTITUTIONS in {Path(__file__).name} to the new glue."
            )
        return edited


_WRAPPERS = (
    "addEventListener, getRandomValues, location, monotonicDateNow, newWasmModule, patchedLoadLibData, wasmInstantiate"
)

SUBSTITUTIONS = (
    # This also shadows the globals `location` and `addEventListener` in the whole module.
    Substitution(
        "import the runtime's wrappers",
        r"\Aasync function _createPyodideModule\b",
        f'import {{ {_WRAPPERS} }} from "pyodide-internal:builtin_wrappers";\nasync function _createPyodideModule',
    ),
    Substitution("export by name", r"\bexport default _createPyodideModule;", "export { _createPyodideModule };"),
    # The URL of an internal module has no folder. V8 reads the whole glue again for the stack of the error: 15 ms.
    Substitution("folder of the glue", r"\bscriptDirectory=new URL\(\"\.\",_scriptName\)\.href", ""),
    Substitution("compile WebAssembly", r"\bnew WebAssembly\.Module\(", "newWasmModule(", 4),
    Substitution("instantiate WebAssembly", r"\bWebAssembly\.instantiate\(", "wasmInstantiate(", 2),
    # Python detects a changed folder by its modification time, and workerd's clock does not advance between I/O.
    Substitution("clock", r"\bDate\.now\b", "monotonicDateNow", 22),
    Substitution("entropy", r"\bcrypto\.getRandomValues\(view\)", "getRandomValues(Module,view)"),
    # The runtime compiles dynamic libraries, and reads their bytes only from its own read-only file systems.
    Substitution(
        "compile a dynamic library",
        r"\bfunction loadLibData\(\)\{",
        "function loadLibData(){var compiled=patchedLoadLibData(Module,libName,flags.rpath);"
        "return flags.loadAsync?Promise.resolve(compiled):compiled;",
    ),
    # It also chooses their addresses, which must be those that a memory snapshot has.
    Substitution(
        "place a dynamic library",
        r"\bgetMemory\(metadata\.memorySize\+",
        "Module.getMemoryPatched(Module,libName,metadata.memorySize+",
    ),
    # A snapshot also replays which slots of the function table ctypes allocated and freed.
    Substitution(
        "record an allocated closure",
        r"HEAPU32\[\(closure>>2\)\+0>>>0\]=index;return closure\}",
        "HEAPU32[(closure>>2)+0>>>0]=index;Module.recordFfiClosureAlloc(closure,index);return closure}",
    ),
    Substitution(
        "record a freed closure",
        r"freeTableIndexes\.push\(index\);_free\(closure\)\}",
        "freeTableIndexes.push(index);Module.recordFfiClosureFree(closure,index);_free(closure)}",
    ),
)


def adapt_glue(glue: str) -> str:
    """Return the glue as workerd can run it. Raises `BundleError` if a substitution does not fit."""
    for substitution in SUBSTITUTIONS:
        glue = substitution.apply(glue)
    return glue


def build(package: Path, cache: Path) -> Path:
    """Return the folder below `cache` with the bundle of the npm package in `package`, built if it is missing.

    The folder appears complete or not at all, so several processes may build at the same time. Raises `BundleError`.
    """
    manifest = package / "package.json"
    if not manifest.is_file():
        raise BundleError(f"No npm package `pyodide` in {package}: run `npm ci` first.")
    version = json.loads(manifest.read_text())["version"]
    if version != PYODIDE_VERSION:
        raise BundleError(
            f"workerd expects pyodide {PYODIDE_VERSION}, but {package} is {version}: run `npm ci`, "
            f"or raise PYODIDE_VERSION in {Path(__file__).name} together with `workerd`."
        )
    glue, wasm, stdlib = (package / n for n in ("pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"))
    folder = cache / _digest(manifest, glue, wasm, stdlib, Path(__file__), _SCHEMA)
    if (folder / BUNDLE_NAME).is_file():
        return folder
    modules = {
        "pyodide.asm": {"src": adapt_glue(glue.read_text()).encode()},
        "pyodide.asm.wasm": {"wasm": wasm.read_bytes()},
        "python_stdlib.zip": {"data": stdlib.read_bytes()},
    }
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=cache, prefix=".unfinished-"))
    try:
        (unfinished / BUNDLE_NAME).write_bytes(_encode(modules))
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    except OSError:
        # A folder that is not empty cannot be replaced: another process was first.
        if not (folder / BUNDLE_NAME).is_file():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _digest(*files: Path) -> str:
    """Return one hash of the contents of all `files`, in order."""
    digest = hashlib.sha256(PYODIDE_VERSION.encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _encode(modules: dict[str, dict[str, bytes]]) -> bytes:
    """Encode the modules as a Cap'n Proto message in the standard stream framing."""
    schema = capnp.load(str(_SCHEMA))
    message = schema.Bundle.new_message(
        modules=[
            {"name": f"pyodideRuntime-internal:{name}", "type": "internal", **content}
            for name, content in modules.items()
        ]
    )
    encoded: bytes = message.to_bytes()
    return encoded


def main() -> int:
    """Build the bundle of this checkout if it is missing, and print its folder; return the exit status."""
    try:
        print(build(ROOT / "node_modules" / "pyodide", ROOT / ".cache" / "pyodide"))
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
