"""Where the clients of other projects are installed: environments in `.cache/foreign`, by locks of their own.

There are two for Python, because some clients need earlier versions of the vendors' SDKs than these are.
"""

from __future__ import annotations

import json
import os
import re
import sys
from functools import partial
from pathlib import Path

import setup
from progress import Progress

SOURCES = Path(__file__).parent
FOLDER = setup.ROOT / ".cache" / "foreign"
PYTHON_ENVIRONMENTS = ("newest", "earlier")
NODE_MODULES = FOLDER / "npm" / "node_modules"


def install() -> None:
    """Install what is missing, with progress on standard error. Raises `SetupError`."""
    progress = Progress("foreign clients", stream=sys.stderr)
    for name in PYTHON_ENVIRONMENTS:
        stamp = setup.hash_files(f"tests/foreign/{name}/requirements.lock", more=sys.version)
        made = python_of(name)
        install_python = partial(_install_python, name)
        setup.install_once(f"{name} clients", install_python, stamp=stamp, made=made, progress=progress)
    stamp = setup.hash_files("tests/foreign/npm/package-lock.json", more="")
    setup.install_once("npm clients", _install_npm, stamp=stamp, made=NODE_MODULES, progress=progress)


def python_of(name: str) -> Path:
    """Return the interpreter of an environment."""
    return FOLDER / name / "bin" / "python"


def read_versions(name: str) -> dict[str, str]:
    """Return the versions of the clients of an environment, or of `npm`."""
    if name == "npm":
        versions: dict[str, str] = json.loads((SOURCES / "npm" / "package.json").read_text())["dependencies"]
        return versions
    pins = re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)", (SOURCES / name / "requirements.in").read_text(), re.MULTILINE)
    return dict(pins)


def variables_for(name: str) -> dict[str, str]:
    """Return the variables of a process that finds the commands of an environment, without settings of this one."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "ANTHROPIC_", "PYTHON"))}
    path = os.pathsep.join([str(FOLDER / name / "bin"), str(setup.NODE.parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "VIRTUAL_ENV": str(FOLDER / name)}


def _install_python(name: str) -> None:
    lock = SOURCES / name / "requirements.lock"
    setup.install_environment(FOLDER / name, lock, problem="pip could not install the clients")


def _install_npm() -> None:
    setup.install_npm_folder(NODE_MODULES.parent, SOURCES / "npm", problem="npm could not install the clients")
