"""`npm run dev -- text-gen`: run plain `wrangler dev` for one worker, with the network closed.

It adds what only a closed network needs: the Pyodide bundle from disk, and the two local-only compatibility flags that
make workerd take it. With the network open, `npx wrangler dev` in the worker's folder does the same. `DE_PORT_BASE`
moves the port as it does for `npm start`. Further arguments go to wrangler. Providers are called for real: keys come
from the worker's `.dev.vars`.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import ports
import setup

LOCAL_FLAGS = ("python_workers_development", "experimental")


def main() -> int:
    """Run wrangler until it ends; return its exit status."""
    configs = ports.load_configs()
    name, *arguments = sys.argv[1:] or [""]
    if name not in configs:
        print(
            f"usage: npm run dev -- WORKER [wrangler's options]; the workers are {', '.join(configs)}", file=sys.stderr
        )
        return 2
    options = wrangler_options(configs[name], port=ports.worker_ports(configs).get(name), arguments=arguments)
    wrangler = setup.ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"
    environment = {**setup.environment(), "MINIFLARE_WORKERD_PATH": str(setup.ROOT / "wrangler" / "workerd.sh")}
    os.chdir(setup.ROOT / "workers" / name)
    return subprocess.run([str(setup.NODE), str(wrangler), "dev", *options], env=environment, check=False).returncode


def wrangler_options(config: Mapping[str, Any], *, port: int | None, arguments: Sequence[str]) -> list[str]:
    """Return the options of `wrangler dev` for a worker: ours, then `arguments`, which may name another port."""
    # A flag on the command line replaces those of the file, so they are all given.
    flags = [*config["compatibility_flags"], *LOCAL_FLAGS]
    options = [option for flag in flags for option in ("--compatibility-flags", flag)]
    options += ["--var", "AUTH_MODE:open"]
    if port is not None and not any(argument.partition("=")[0] == "--port" for argument in arguments):
        options += ["--port", str(port)]
    return [*options, *arguments]


if __name__ == "__main__":
    setup.run_script(main)
