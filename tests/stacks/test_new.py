"""`npm run new`: one worker and one provider, made in a copy of this repository, pass the checks and answer."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

import local
from setup import NODE, PYTHON
from tests.copies import copy_repository, run_in
from tests.workers.shapes import success_of

pytestmark = pytest.mark.full

CEREBRAS = (
    "--title",
    "Cerebras",
    "--base-url",
    "https://api.cerebras.ai/v1",
    "--model",
    "llama-3.3-70b",
    "--price",
    "0.5",
    "0.8",
)
"""A vendor as its documentation describes it; the second provider has the defaults."""
MADE = {
    "greeter": ("worker", "greeter"),
    "json-tools": ("worker", "json-tools"),
    "cerebras": ("provider", "cerebras", *CEREBRAS),
    "acme": ("provider", "acme"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository in which two workers and two providers were made."""
    root = copy_repository(tmp_path_factory.mktemp("copy"))
    for arguments in MADE.values():
        result = run_in(root, PYTHON, "scripts/new.py", *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
    return root


PYTEST = ("-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider")


@pytest.mark.parametrize(
    "command",
    [
        ("scripts/check.py",),
        (*PYTEST, "tests/unit/test_greeter.py"),
        (*PYTEST, "tests/unit/test_json_tools.py"),
        (*PYTEST, "tests/unit"),
        (*PYTEST, "tests/providers", "tests/clients", "-k", "cerebras or acme or registry or prices"),
        (*PYTEST, "tests/workers/test_every_worker.py", "tests/workers/test_text_gen_models.py"),
    ],
    ids=["check", "worker", "worker with a hyphen", "unit", "providers", "running workers"],
)
def test_copy_when_checked_and_tested_then_green(copy: Path, command: tuple[str, ...]) -> None:
    result = run_in(copy, PYTHON, *command)

    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]


def test_new_worker_has_a_scope_for_keys(copy: Path) -> None:
    result = run_in(copy, PYTHON, "scripts/keys.py", "create", "--help")

    assert {"greeter", "json-tools"} <= set(result.stdout.replace(",", " ").split()), result.stdout + result.stderr


@pytest.fixture(scope="module")
def urls(copy: Path, make_state: Callable[[], Path]) -> Iterator[dict[str, str]]:
    """Run the new worker and text-gen of the copy, with the emulators of the copy."""
    emulators = subprocess.Popen(
        [PYTHON, "-m", "tests.emulators", "--port", "0", "--exit-with-parent"],
        cwd=copy,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert emulators.stdin and emulators.stdout
    base_urls = json.loads(emulators.stdout.readline())["base_urls"]
    assert {"cerebras", "acme"} <= base_urls.keys()
    variables = {**local.LOCAL_VARS, **local.emulated_vars(base_urls)}
    names = ["greeter", "json-tools", "text-gen", "rate-limiter"]
    options = {"state": str(make_state()), "workers": names, "vars": {"*": variables}}
    workers = local.Part("workers", [str(NODE), str(copy / "wrangler" / "stack.mjs"), json.dumps(options)])
    try:
        yield workers.wait_until_ready()["workers"]
    finally:
        workers.stop()
        emulators.stdin.close()
        emulators.wait(timeout=30)
        emulators.stdout.close()
        if workers.process.stdout is not None:
            workers.process.stdout.close()


@pytest.mark.parametrize("worker", ["greeter", "json-tools"])
def test_new_worker_answers_on_workerd(urls: dict[str, str], worker: str) -> None:
    answer = httpx2.post(f"{urls[worker]}/greet", json={"name": "Ada"}, trust_env=False, timeout=30)

    assert success_of(answer)["text"] == "Hello Ada"
    assert httpx2.get(f"{urls[worker]}/health", trust_env=False).json()["service"] == worker


@pytest.mark.parametrize("model", ["cerebras:llama-3.3-70b", "acme:acme-1"])
def test_new_provider_answers_through_text_gen(urls: dict[str, str], model: str) -> None:
    body = {"prompt": "Hello", "model": model}

    answer = success_of(httpx2.post(f"{urls['text-gen']}/generate", json=body, trust_env=False, timeout=30))

    provider, _, name = model.partition(":")
    assert answer["text"].startswith(f"[emulated {name}]")
    assert answer["metadata"]["provider"] == provider


def test_new_worker_can_be_uploaded(copy: Path) -> None:
    wrangler = copy / "node_modules" / "wrangler" / "bin" / "wrangler.js"

    result = run_in(copy / "workers" / "greeter", NODE, wrangler, "deploy", "--dry-run")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "env.RATE_LIMITER" in result.stdout
