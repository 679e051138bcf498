"""`npm run bench:kill`: kill the running platform at random moments under load, and look for what is lost or doubled.

    npm run bench:kill -- --kills 50 --seed 1

Texts, with and without an `Idempotency-Key`, speech, renders and executions are in flight whenever everything is
killed, as by a power failure: workerd, D1, R2, Durable Objects, Workflows. After each restart what callers were
promised shortly before must hold, and at the end everything. The providers are emulated, and live on. The seed decides
the moments; what is in flight then varies.
"""

from __future__ import annotations

import argparse
import sys
import time

import setup


def main() -> int:
    """Run this file with the project's own Python, which has an HTTP client; return its exit status."""
    return setup.run_with_packages(__file__, "--run", *sys.argv[1:])


def run(arguments: list[str]) -> int:
    """Carry out the run; return 1 if something was lost or doubled."""
    from benchmark import kills  # noqa: PLC0415  # only the project's own Python has its packages

    parser = argparse.ArgumentParser(prog="npm run bench:kill --")
    parser.add_argument("--kills", type=int, default=50, help="default: 50")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="default: a new one")
    options = parser.parse_args(arguments)
    print(f"{options.kills} kills, seed {options.seed}", flush=True)
    return kills.run(kills=options.kills, seed=options.seed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        sys.exit(run(sys.argv[2:]))
    else:
        setup.run_script(main)
