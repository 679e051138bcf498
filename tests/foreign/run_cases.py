"""Run the cases of one client: `python run_cases.py FILE RESULTS`, in the client's environment.

A case is a function of the file whose name begins with `check_`; one with a parameter runs with each of the file's
`MODELS`. RESULTS gets a line of JSON for each: its name, and what went wrong or null.
"""

import asyncio
import importlib.util
import inspect
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gateway


def run(case: Any, models: Sequence[str]) -> str | None:
    """Run one case; return its traceback if it fails."""
    for arguments in [(model,) for model in models] if inspect.signature(case).parameters else [()]:
        gateway.reset()
        try:
            if inspect.iscoroutinefunction(case):
                asyncio.run(case(*arguments))
            else:
                case(*arguments)
        except Exception:  # noqa: BLE001  # each case fails on its own, whatever the client raises
            return f"{' '.join(arguments)}\n{traceback.format_exc()}"
    return None


def main() -> None:
    """Run all cases."""
    file, results = Path(sys.argv[1]), Path(sys.argv[2])
    spec = importlib.util.spec_from_file_location("cases", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["cases"] = module
    spec.loader.exec_module(module)
    with results.open("w") as lines:
        for name, case in list(vars(module).items()):
            if name.startswith("check_"):
                print(
                    json.dumps({"case": name, "problem": run(case, getattr(module, "MODELS", ()))}),
                    file=lines,
                    flush=True,
                )


main()
