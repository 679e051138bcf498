"""Other gateways beside text-gen: LiteLLM's proxy and Portkey's gateway, each in a folder of `.cache/benchmark`.

Both are started as their documentation says, with one model and no database:
https://docs.litellm.ai/docs/proxy/configs and https://github.com/Portkey-AI/gateway.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import local
import setup
from benchmark.load import Target
from benchmark.processes import measure_tree
from ports import find_free_port
from progress import Progress

SOURCES = Path(__file__).with_name("peers")
FOLDER = setup.ROOT / ".cache" / "benchmark"
LITELLM = FOLDER / "litellm" / "bin" / "litellm"
PORTKEY = FOLDER / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
START_SECONDS = 120

_LITELLM_CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {upstream}
      api_key: emulated
general_settings:
  master_key: {key}
"""
_LITELLM_KEY = "sk-benchmark-of-gateways-on-loopback"


def install(progress: Progress) -> None:
    """Install both gateways unless they are there. Raises `SetupError`."""
    packages = setup.hash_files("scripts/benchmark/peers/requirements.lock", more=sys.version)
    setup.install_once("LiteLLM", _install_litellm, stamp=packages, made=LITELLM, progress=progress)
    packages = setup.hash_files("scripts/benchmark/peers/package-lock.json", more="")
    setup.install_once("Portkey", _install_portkey, stamp=packages, made=PORTKEY, progress=progress)


@contextmanager
def run_litellm(upstream: str, *, model: str, body: Mapping[str, Any]) -> Iterator[Target]:
    """Run LiteLLM's proxy in front of `upstream`, an OpenAI base URL; yield its route for chat completions."""
    port = find_free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(_LITELLM_CONFIG.format(model=model, upstream=upstream, key=_LITELLM_KEY))
        command = [str(LITELLM), "--config", str(config), "--host", local.HOST, "--port", str(port)]
        with _run(command, {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}, ready=f"{_url(port)}/health/liveliness") as pid:
            headers = {"Authorization": f"Bearer {_LITELLM_KEY}"}
            yield _chat(port, pid, body=body, headers=headers)


@contextmanager
def run_portkey(upstream: str, *, body: Mapping[str, Any]) -> Iterator[Target]:
    """Run Portkey's gateway; yield its route for chat completions, with the headers that name `upstream`."""
    port = find_free_port()
    command = [str(setup.NODE), "--import", str(SOURCES / "loopback.mjs"), str(PORTKEY), f"--port={port}", "--headless"]
    with _run(command, {"TRUSTED_CUSTOM_HOSTS": local.HOST}, ready=_url(port)) as pid:
        headers = {
            "Authorization": "Bearer emulated",
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": upstream,
        }
        yield _chat(port, pid, body=body, headers=headers)


def _chat(port: int, pid: int, *, body: Mapping[str, Any], headers: Mapping[str, str]) -> Target:
    url = f"{_url(port)}/v1/chat/completions"
    return Target(url=url, body=body, headers=headers, measure=partial(measure_tree, pid))


@contextmanager
def _run(command: Sequence[str], variables: Mapping[str, str], *, ready: str) -> Iterator[int]:
    """Run a server until the block ends; yield its process id when `ready` responds. Raises `SetupError`."""
    environment = {**os.environ, **variables}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _responds(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise setup.SetupError(f"{Path(command[0]).name} did not start")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _responds(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310  # loopback
            return bool(response.status == 200)
    except OSError:
        return False


def _url(port: int) -> str:
    return f"http://{local.HOST}:{port}"


def _install_litellm() -> None:
    setup.install_environment(
        LITELLM.parents[1], SOURCES / "requirements.lock", problem="pip could not install LiteLLM"
    )


def _install_portkey() -> None:
    setup.install_npm_folder(FOLDER / "portkey", SOURCES, problem="npm could not install Portkey's gateway")
