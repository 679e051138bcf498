"""`npm run secrets`: show which settings with secret values a deployment has, or set those of a file.

    npm run secrets -- [--env staging]
    npm run secrets -- [--env staging] --from FILE

Values are never shown. `npm run deploy` sets them too, together with the code; this sets them alone, at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import setup
from deployment.account import Account, read_account
from deployment.configs import ENVIRONMENTS, load_config, suffix_of
from deployment.values import choose_values, find_unread, load_declared, load_values
from platform_workers import Worker, find_workers
from progress import Progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="npm run secrets --", description="The secrets of a deployment.")
    parser.add_argument("--env", choices=ENVIRONMENTS, default="production", help="where (default: production)")
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="set those of its NAME=value lines")
    options = parser.parse_args(arguments)
    try:
        account = read_account()
        account.check_token()
        workers = [worker for worker in find_workers() if worker.package is not None]
        if options.file is not None:
            if unread := find_unread(options.env, file=options.file):
                print(f"secrets: no worker reads {', '.join(unread)}: correct the names", file=sys.stderr)
            set_secrets(account, options.env, workers, options.file)
        show_secrets(account, options.env, workers)
    except setup.SetupError as error:
        print(f"secrets: {error}", file=sys.stderr)
        return 1
    return 0


def show_secrets(account: Account, environment: str, workers: Sequence[Worker]) -> None:
    """Print for each worker which secrets are set and which are missing."""
    for worker in workers:
        present = account.list_secrets(worker.name + suffix_of(environment))
        for name in sorted(load_declared(worker.name).secrets | present):
            print(f"{worker.name:<20}{name:<32}{'set' if name in present else 'missing'}")


def set_secrets(account: Account, environment: str, workers: Sequence[Worker], file: Path) -> None:
    """Give each deployed worker the values of the file that it reads. Raises `SetupError`."""
    values = load_values(environment, file=file, account=account, process={})
    for worker in workers:
        name = worker.name + suffix_of(environment)
        if account.find_live(name) is None:
            print(f"secrets: {name} is not deployed; `npm run deploy` sets its secrets", file=sys.stderr)
            continue
        secrets = choose_values(worker.name, load_config(worker), values).secrets
        document = {secret: {"name": secret, "text": value, "type": "secret_text"} for secret, value in secrets.items()}
        if document:
            account.patch(f"/workers/scripts/{quote(name)}/secrets-bulk", {"secrets": document})


if __name__ == "__main__":
    setup.run_script(main, progress=Progress("setup", stream=sys.stderr))
