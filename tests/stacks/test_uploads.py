"""What `wrangler deploy` would upload of each worker: every `workers/*/wrangler.toml` is found, nothing is listed."""

import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from setup import NODE, ROOT, environment
from tests.platform import MAIN_MODULE, SETTINGS_HEADER
from tests.report import SUMMARY_LINE

FOLDERS = {path.parent.name: path.parent for path in sorted((ROOT / "workers").glob("*/wrangler.toml"))}
EVERY = pytest.mark.parametrize("worker", FOLDERS)

FREE_PLAN_BYTES = 3_000_000
"""Cloudflare takes a worker of 3 MB after gzip on the free plan (https://developers.cloudflare.com/workers/platform/limits/)."""

_UPLOAD = re.compile(r"Total Upload: ([\d.]+) KiB / gzip: ([\d.]+) KiB")


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `uploads` puts the files of each worker, in a folder of its name."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def uploads(uploaded: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """`wrangler deploy --dry-run` of every worker, two at a time."""

    def deploy(folder: Path) -> subprocess.CompletedProcess[str]:
        command = [str(NODE), str(ROOT / "node_modules/wrangler/bin/wrangler.js"), "deploy", "--dry-run"]
        command += ["--outdir", str(uploaded / folder.name)]
        return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip(FOLDERS, pool.map(deploy, FOLDERS.values()), strict=True))


@EVERY
def test_upload_fits_the_free_plan(
    uploads: dict[str, subprocess.CompletedProcess[str]], worker: str, record_property: Callable[[str, object], None]
) -> None:
    result = uploads[worker]

    assert result.returncode == 0, result.stderr or result.stdout
    found = _UPLOAD.search(result.stdout)
    assert found, result.stdout
    whole, compressed = (float(size) * 1024 for size in found.groups())
    record_property(SUMMARY_LINE, f"{worker}: upload {whole / 1e6:.2f} MB, {compressed / 1e6:.2f} MB gzip")
    assert compressed < FREE_PLAN_BYTES


@EVERY
def test_upload_has_no_file_that_reads_the_settings_header(
    uploads: dict[str, subprocess.CompletedProcess[str]], uploaded: Path, worker: str
) -> None:
    assert uploads[worker].returncode == 0

    files = {path.name: path.read_bytes().lower() for path in (uploaded / worker).rglob("*") if path.is_file()}
    assert {"entry.py", "entrypoint.py"} <= files.keys()
    assert Path(MAIN_MODULE).name not in files
    assert [name for name, content in files.items() if SETTINGS_HEADER.lower().encode() in content] == []
