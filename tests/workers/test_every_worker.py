"""What holds for each worker alike: every `workers/*/wrangler.toml` is found, nothing is listed."""

import tomllib
from pathlib import Path

import pytest

from setup import ROOT
from tests.platform import Platform
from tests.workers.shapes import TIMESTAMP, UUID4, error_of

FOLDERS = {path.parent.name: path.parent for path in sorted((ROOT / "workers").glob("*/wrangler.toml"))}


def has_socket(folder: Path) -> bool:
    return bool(tomllib.loads((folder / "wrangler.toml").read_text()).get("workers_dev", True))


WITH_SOCKET = pytest.mark.parametrize("worker", [name for name, folder in FOLDERS.items() if has_socket(folder)])


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
