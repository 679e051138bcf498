"""The Pyodide bundle that workerd starts Python Workers with, built from a small package like `pyodide`."""

import json
from pathlib import Path
from typing import Any

import capnp  # type: ignore[import-untyped]
import pytest

from wrangler import pyodide_bundle
from wrangler.pyodide_bundle import BUNDLE_NAME, PYODIDE_VERSION, BundleError, adapt_glue, build

GLUE = (
    "async function _createPyodideModule(moduleArg={}){"
    + 'try{scriptDirectory=new URL(".",_scriptName).href}catch{}'
    + "new WebAssembly.Module(bytes);" * 4
    + "WebAssembly.instantiate(binary,info);" * 2
    + "Date.now();" * 22
    + "return view=>crypto.getRandomValues(view);"
    + "var memoryBase=alignMemory(getMemory(metadata.memorySize+memAlign),memAlign);"
    + "function loadLibData(){return readBinary(libFile)}"
    + "HEAPU32[(closure>>2)+0>>>0]=index;return closure}"
    + "freeTableIndexes.push(index);_free(closure)}"
    + "}export default _createPyodideModule;\n"
)


def write_package(folder: Path, *, version: str = PYODIDE_VERSION, glue: str = GLUE, wasm: bytes = b"\0asm") -> Path:
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"name": "pyodide", "version": version}))
    (folder / "pyodide.asm.mjs").write_text(glue)
    (folder / "pyodide.asm.wasm").write_bytes(wasm)
    (folder / "python_stdlib.zip").write_bytes(b"PK")
    return folder


def read_modules(bundle: Path) -> dict[str, Any]:
    schema = capnp.load(str(Path(pyodide_bundle.__file__).with_suffix(".capnp")))
    with schema.Bundle.from_bytes(bundle.read_bytes()) as message:
        modules: list[dict[str, Any]] = message.to_dict()["modules"]
    return {module["name"]: module for module in modules}


def test_bundle_when_built_then_it_has_three_internal_modules(tmp_path: Path) -> None:
    folder = build(write_package(tmp_path / "pyodide"), tmp_path / "cache")
    modules = read_modules(folder / BUNDLE_NAME)
    assert {module["type"] for module in modules.values()} == {"internal"}
    assert modules.keys() == {
        "pyodideRuntime-internal:pyodide.asm",
        "pyodideRuntime-internal:pyodide.asm.wasm",
        "pyodideRuntime-internal:python_stdlib.zip",
    }
    assert modules["pyodideRuntime-internal:pyodide.asm"]["src"] == adapt_glue(GLUE).encode()
    assert modules["pyodideRuntime-internal:pyodide.asm.wasm"]["wasm"] == b"\0asm"
    assert modules["pyodideRuntime-internal:python_stdlib.zip"]["data"] == b"PK"


def test_glue_when_adapted_then_no_forbidden_call_remains() -> None:
    glue = adapt_glue(GLUE)
    for forbidden in (
        "new WebAssembly.Module(",
        "WebAssembly.instantiate(",
        "Date.now",
        "crypto.",
        "new URL(",
        "export default",
    ):
        assert forbidden not in glue
    assert glue.startswith("import { ")
    assert "export { _createPyodideModule };" in glue


@pytest.mark.parametrize(
    ("known", "unknown", "substitution"),
    [
        ("Date.now();", "", "clock"),
        ("getMemory(metadata.memorySize+memAlign)", "allocate(size)", "place a dynamic library"),
        ("export default", "export", "export by name"),
    ],
)
def test_build_when_the_glue_is_unknown_then_the_edit_is_named(
    tmp_path: Path, known: str, unknown: str, substitution: str
) -> None:
    package = write_package(tmp_path / "pyodide", glue=GLUE.replace(known, unknown, 1))
    with pytest.raises(BundleError, match=f"pyodide {PYODIDE_VERSION} no longer fits: substitution '{substitution}'"):
        build(package, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_build_when_nothing_has_changed_then_the_same_bundle(tmp_path: Path) -> None:
    package = write_package(tmp_path / "pyodide")
    first = build(package, tmp_path / "cache")
    made = (first / BUNDLE_NAME).stat()
    assert build(package, tmp_path / "cache") == first
    assert (first / BUNDLE_NAME).stat().st_ino == made.st_ino
    assert list((tmp_path / "cache").iterdir()) == [first]


def test_build_when_an_input_has_changed_then_another_bundle(tmp_path: Path) -> None:
    first = build(write_package(tmp_path / "one"), tmp_path / "cache")
    second = build(write_package(tmp_path / "two", wasm=b"\0asm2"), tmp_path / "cache")
    assert first != second
    assert read_modules(second / BUNDLE_NAME)["pyodideRuntime-internal:pyodide.asm.wasm"]["wasm"] == b"\0asm2"


def test_build_when_the_version_differs_then_error_names_both(tmp_path: Path) -> None:
    package = write_package(tmp_path / "pyodide", version="314.0.7")
    with pytest.raises(BundleError, match=rf"expects pyodide {PYODIDE_VERSION}, but .* is 314\.0\.7"):
        build(package, tmp_path / "cache")


def test_build_when_the_package_is_missing_then_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="npm ci"):
        build(tmp_path / "pyodide", tmp_path / "cache")
