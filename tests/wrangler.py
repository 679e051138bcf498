"""wrangler itself, unmodified, whose API is the emulated Cloudflare."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setup import NODE, ROOT, environment
from tests.clients.workers_api import ACCOUNT
from tests.emulators.process import Emulators


@dataclass(frozen=True)
class Wrangler:
    """The commands of one account in one folder."""

    emulators: Emulators
    folder: Path
    account: str = ACCOUNT

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that any program of Cloudflare's reads, and a home without a login."""
        return {
            **environment(),
            "CLOUDFLARE_API_BASE_URL": self.emulators.url_of("cloudflare"),
            "CLOUDFLARE_API_TOKEN": "any",
            "CLOUDFLARE_ACCOUNT_ID": self.account,
            "CI": "true",
            "HOME": os.fspath(self.folder),
        }

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return how it ended."""
        return subprocess.run(
            [str(NODE), str(ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *arguments: str) -> str:
        """Return the output of a command that must succeed."""
        ended = self.start(*arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def read(self, *arguments: str) -> Any:
        """Return the JSON that a command prints."""
        return json.loads(self.run(*arguments))

    def fail(self, *arguments: str) -> str:
        """Return what a command that must fail prints."""
        ended = self.start(*arguments)
        assert ended.returncode == 1, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr
