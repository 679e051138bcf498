"""`npm run rehearse`: deploy this checkout to an empty, emulated Cloudflare account, as `npm run deploy` would.

It deploys twice, and the second deployment must find nothing to change. No account and no key are needed, and nothing
leaves this machine. The options go to the deploy command: `npm run rehearse -- text-gen --env staging`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import local
import setup

UNCHANGED = "nothing had to be changed"


def main() -> int:
    """Deploy, deploy again, and show what is live; return the exit status."""
    options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as state:
        emulators = local.start_emulators(0, state=Path(state))
        try:
            base_url = emulators.wait_until_ready()["base_urls"]["cloudflare"]
            emulators.drain()
            variables = {
                **os.environ,
                **local.EMULATED_CREDENTIALS["cloudflare"],
                "CLOUDFLARE_API_BASE_URL": base_url,
            }
            return rehearse(options, variables)
        finally:
            emulators.stop()


def rehearse(options: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run the deploy command twice on one account; return the exit status."""
    command = [str(setup.PYTHON), str(Path(__file__).with_name("deploy.py")), *options, "--yes"]
    first = subprocess.run(command, env=variables, check=False)
    if first.returncode != 0:
        return first.returncode
    print("rehearse: deploying once more, which must change nothing", flush=True)
    second = subprocess.run(command, env=variables, stderr=subprocess.PIPE, text=True, check=False)
    sys.stderr.write(second.stderr)
    if second.returncode == 0 and UNCHANGED not in second.stderr:
        print("rehearse: the second deployment has changed something; see its plan above", file=sys.stderr)
        return 1
    return second.returncode


if __name__ == "__main__":
    setup.run_script(main)
