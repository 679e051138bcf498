"""`npm run dev -- text-gen`: plain `wrangler dev` for one worker, with the network closed.

What it adds is what only a closed network needs: the Pyodide bundle from disk, and the two local-only compatibility
flags that make workerd take it. With the network open, `npx wrangler dev` in the worker's folder does the same.
Further arguments go to wrangler. Providers are called for real: keys come from the worker's `.dev.vars`.
"""

import os
import subprocess
import sys
import tomllib

import setup

LOCAL_FLAGS = ("python_workers_development", "experimental")


def main() -> int:
    """Runs wrangler until it ends; returns its exit status."""
    names = sorted(path.parent.name for path in (setup.ROOT / "workers").glob("*/wrangler.toml"))
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"usage: npm run dev -- WORKER [wrangler's options]; the workers are {', '.join(names)}", file=sys.stderr)
        return 2
    folder = setup.ROOT / "workers" / sys.argv[1]
    # A flag on the command line replaces those of the file, so they are all given.
    flags = tomllib.loads((folder / "wrangler.toml").read_text())["compatibility_flags"]
    options = [option for flag in (*flags, *LOCAL_FLAGS) for option in ("--compatibility-flags", flag)]
    environment = {**setup.environment(), "MINIFLARE_WORKERD_PATH": str(setup.ROOT / "wrangler" / "workerd.sh")}
    command = [
        str(setup.NODE),
        str(setup.ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"),
        "dev",
        *options,
        "--var",
        "AUTH_MODE:open",
    ]
    os.chdir(folder)
    return subprocess.run([*command, *sys.argv[2:]], env=environment, check=False).returncode


if __name__ == "__main__":
    setup.run_script(main)
