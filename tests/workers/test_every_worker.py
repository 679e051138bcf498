"""What holds for each worker alike: every `workers/*/wrangler.toml` is found, nothing is listed."""

import re
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from setup import NODE, ROOT, environment
from tests.platform import MAIN_MODULE, SETTINGS_HEADER, Platform
from tests.workers.shapes import TIMESTAMP, UUID4, error_of

FOLDERS = {path.parent.name: path.parent for path in sorted((ROOT / "workers").glob("*/wrangler.toml"))}
EVERY = pytest.mark.parametrize("worker", FOLDERS)

FREE_PLAN_BYTES = 3_000_000
"""Cloudflare takes a worker of 3 MB after gzip on the free plan (https://developers.cloudflare.com/workers/platform/limits/)."""

_UPLOAD = re.compile(r"Total Upload: ([\d.]+) KiB / gzip: ([\d.]+) KiB")
_ROUTE = re.compile(r"@app\.(get|post|delete)\(\s*\"([^\"]+)\"")


def has_socket(folder: Path) -> bool:
    return bool(tomllib.loads((folder / "wrangler.toml").read_text()).get("workers_dev", True))


WITH_SOCKET = pytest.mark.parametrize("worker", [name for name, folder in FOLDERS.items() if has_socket(folder)])


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


@WITH_SOCKET
def test_health_when_asked_then_it_names_the_worker(platform: Platform, worker: str) -> None:
    answer = platform.client(worker).get("/health")

    body = answer.json()
    assert answer.status_code == 200
    assert (body["status"], body["service"]) == ("healthy", worker)
    assert TIMESTAMP.fullmatch(body["timestamp"])
    assert UUID4.fullmatch(answer.headers["X-Request-ID"])


@WITH_SOCKET
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_path_when_unknown_then_the_one_error_shape(platform: Platform, worker: str, method: str) -> None:
    answer = platform.client(worker).request(method, "/no-such-path", headers={"X-Request-ID": "mine"})

    assert error_of(answer, 404, "ROUTE_NOT_FOUND")["error"] == "Not Found"
    assert answer.headers["X-Request-ID"] == "mine"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@EVERY
def test_upload_when_the_worker_is_deployed_then_it_fits_the_free_plan(
    uploads: dict[str, subprocess.CompletedProcess[str]], worker: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = uploads[worker]

    assert result.returncode == 0, result.stderr or result.stdout
    found = _UPLOAD.search(result.stdout)
    assert found, result.stdout
    whole, compressed = (float(size) * 1024 for size in found.groups())
    with capsys.disabled():
        print(f"\n{worker}: upload {whole / 1e6:.2f} MB, {compressed / 1e6:.2f} MB gzip ", end="")
    assert compressed < FREE_PLAN_BYTES


@EVERY
def test_upload_when_the_worker_is_deployed_then_no_file_reads_the_tests_header(
    uploads: dict[str, subprocess.CompletedProcess[str]], uploaded: Path, worker: str
) -> None:
    assert uploads[worker].returncode == 0

    files = {path.name: path.read_bytes().lower() for path in (uploaded / worker).rglob("*") if path.is_file()}
    assert {"entry.py", "entrypoint.py"} <= files.keys()
    assert Path(MAIN_MODULE).name not in files
    assert [name for name, content in files.items() if SETTINGS_HEADER.lower().encode() in content] == []


@EVERY
def test_readme_when_the_worker_has_routes_then_it_tells_each(worker: str) -> None:
    folder = FOLDERS[worker]
    readme = (folder / "README.md").read_text()

    sources = "\n".join(path.read_text() for path in sorted((folder / "src").rglob("*.py")))
    routes = {(method.upper(), path) for method, path in _ROUTE.findall(sources)} | {("GET", "/health")}
    missing = [
        f"{method} {path}"
        for method, path in sorted(routes)
        if not re.search(rf"\b{method}\b.*{re.escape(path)}(?![\w/])", readme)
    ]
    assert missing == []
