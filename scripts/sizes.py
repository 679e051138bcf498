"""`npm run sizes`: build every worker as for a deployment and print how large its upload is, as a Markdown table.

Nothing is uploaded. The exit status is 1 if a worker cannot be built or is too large for Cloudflare's free plan.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import setup
from platform_workers import find_workers

FREE_PLAN_BYTES = 3_000_000
"""What Cloudflare's free plan takes, after gzip (https://developers.cloudflare.com/workers/platform/limits/)."""

_WRANGLER = setup.ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"
_UPLOAD = re.compile(r"Total Upload: ([\d.]+) KiB / gzip: ([\d.]+) KiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The sizes of one worker's upload, in bytes."""

    whole: float
    compressed: float


def main() -> int:
    """Print the table; return 1 if an upload is missing or too large."""
    folders = {worker.name: worker.folder for worker in find_workers()}
    results = dry_run(folders)
    uploads = {name: upload for name, result in results.items() if (upload := read_upload(result.stdout))}
    print(render_table(uploads), flush=True)
    problems = [
        *(f"{name} cannot be built:\n{results[name].stderr.strip()}" for name in folders if name not in uploads),
        *(
            f"{name} is too large for the free plan ({FREE_PLAN_BYTES / 1e6:g} MB)"
            for name, upload in uploads.items()
            if upload.compressed >= FREE_PLAN_BYTES
        ),
    ]
    for problem in problems:
        print(f"sizes: {problem}", file=sys.stderr)
    return 1 if problems else 0


def dry_run(folders: Mapping[str, Path], *, kept_in: Path | None = None) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run `wrangler deploy --dry-run` for each worker, two at a time; keep what it would upload in `kept_in/NAME`."""

    def run(name: str) -> subprocess.CompletedProcess[str]:
        command = [str(setup.NODE), str(_WRANGLER), "deploy", "--dry-run"]
        if kept_in is not None:
            command += ["--outdir", str(kept_in / name)]
        return subprocess.run(
            command, cwd=folders[name], env=setup.environment(), capture_output=True, text=True, check=False
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(folders, pool.map(run, folders), strict=True))


def read_upload(output: str) -> Upload | None:
    """Return the sizes that wrangler printed, None if it printed none."""
    found = _UPLOAD.search(output)
    return found and Upload(whole=float(found[1]) * 1024, compressed=float(found[2]) * 1024)


def render_table(uploads: Mapping[str, Upload]) -> str:
    """Return a Markdown table with one row per worker."""
    rows = [
        f"| {name} | {upload.whole / 1e6:.2f} MB | {upload.compressed / 1e6:.2f} MB "
        f"| {upload.compressed / FREE_PLAN_BYTES:.0%} |"
        for name, upload in uploads.items()
    ]
    return "\n".join(["| worker | upload | gzip | of the free plan |", "|---|---:|---:|---:|", *rows])


if __name__ == "__main__":
    setup.run_script(main)
