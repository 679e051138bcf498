"""`npm run lock`: writes the Python lock files anew, after a version was changed in a pyproject.toml.

Needs `uv` on PATH (`pip install uv`). `requirements.lock` is for this machine's tools, `shared/requirements.lock` for
what is uploaded with every worker, resolved for Emscripten. Both hold hashes, and no addresses.
"""

import subprocess
import sys

import setup

# With the extras: pip asks for a hash of `package[extra]` where another package wants that.
COMPILE = ("uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--no-header", "--no-strip-extras")
HOST = ("--universal", "--python-version", "3.11", "--group", "dev", "--output-file", "requirements.lock")
# uv has no name for the 2026 ABI yet; the markers of the former one are the same, and the lock holds every file's hash.
EMSCRIPTEN = ("--python-platform", "wasm32-pyodide2024", "--python-version", "3.14", "shared/pyproject.toml")


def main() -> int:
    """Compiles both; returns 1 when one cannot be resolved."""
    host = subprocess.run([*COMPILE, *HOST], cwd=setup.ROOT, check=False)
    shared = [
        *COMPILE,
        *EMSCRIPTEN,
        "--group",
        "shared/pyproject.toml:worker",
        "--output-file",
        "shared/requirements.lock",
    ]
    wasm = subprocess.run(shared, cwd=setup.ROOT, check=False)
    return max(host.returncode, wasm.returncode)


if __name__ == "__main__":
    sys.exit(main())
