"""What `wrangler deploy` would upload of each worker: every `workers/*/wrangler.toml` is found, nothing is listed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import sizes
from platform_workers import find_workers
from tests.platform import MAIN_MODULE, SETTINGS_HEADER
from tests.report import SUMMARY_LINE

pytestmark = pytest.mark.full

FOLDERS = {worker.name: worker.folder for worker in find_workers()}
EVERY = pytest.mark.parametrize("worker", FOLDERS)


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `uploads` puts the files of each worker, in a folder of its name."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def uploads(uploaded: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    return sizes.dry_run(FOLDERS, kept_in=uploaded)


@EVERY
def test_upload_fits_the_free_plan(
    uploads: dict[str, subprocess.CompletedProcess[str]], worker: str, record_property: Callable[[str, object], None]
) -> None:
    result = uploads[worker]

    assert result.returncode == 0, result.stderr or result.stdout
    upload = sizes.read_upload(result.stdout)
    assert upload, result.stdout
    sizes_read = f"upload {upload.whole / 1e6:.2f} MB, {upload.compressed / 1e6:.2f} MB gzip"
    record_property(SUMMARY_LINE, f"{worker}: {sizes_read}")
    assert upload.compressed < sizes.FREE_PLAN_BYTES


@EVERY
def test_upload_has_no_file_that_reads_the_settings_header(
    uploads: dict[str, subprocess.CompletedProcess[str]], uploaded: Path, worker: str
) -> None:
    assert uploads[worker].returncode == 0

    files = {path.name: path.read_bytes().lower() for path in (uploaded / worker).rglob("*") if path.is_file()}
    assert {"entry.py", "entrypoint.py"} <= files.keys()
    assert Path(MAIN_MODULE).name not in files
    assert [name for name, content in files.items() if SETTINGS_HEADER.lower().encode() in content] == []
