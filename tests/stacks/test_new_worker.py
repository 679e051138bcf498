"""The recipe for a new worker in shared/README.md, carried out in a copy of this repository."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

import local
from setup import NODE, PYTHON, ROOT
from tests.emulators.process import Emulators
from tests.workers.shapes import success_of

pytestmark = pytest.mark.full

INSTALLED = (".venv", "node_modules", ".cache")
ROW = "| [`greeter`](workers/greeter) | greetings |\n"
_FILE = re.compile(r"^`(workers/greeter/[^`]+)`.*?\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read_recipe() -> dict[str, str]:
    """Return the files of the recipe by path."""
    text = (ROOT / "shared" / "README.md").read_text()
    section = text.split("\n## Add a worker\n")[1].split("\n## Add a provider\n")[0]
    return dict(_FILE.findall(section))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository, as git would check it out, with the recipe carried out."""
    root = tmp_path_factory.mktemp("copy")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    for name in INSTALLED:
        (root / name).symlink_to(ROOT / name)
    for path, content in read_recipe().items():
        assert not (root / path).exists()
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    readme = (root / "README.md").read_text()
    row = next(line for line in readme.splitlines(keepends=True) if line.startswith("| [`rate-limiter`]"))
    (root / "README.md").write_text(readme.replace(row, ROW + row))
    return root


def run(copy: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=copy, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    [
        ("scripts/check_config.py",),
        ("scripts/check_imports.py",),
        ("-m", "ruff", "check", "workers/greeter"),
        ("-m", "ruff", "format", "--check", "workers/greeter"),
        ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_docs.py", "tests/unit/test_scripts_ports.py"),
    ],
    ids=" ".join,
)
def test_new_worker_passes_the_checks(copy: Path, command: tuple[str, ...]) -> None:
    result = run(copy, PYTHON, *command)

    assert result.returncode == 0, result.stdout + result.stderr


def test_new_worker_has_a_scope_for_keys(copy: Path) -> None:
    code = "import sys; sys.path.insert(0, 'scripts'); import keys; print(*keys.SCOPES)"

    result = run(copy, PYTHON, "-c", code)

    assert "greet" in result.stdout.split(), result.stdout + result.stderr


def test_new_worker_answers_on_workerd(copy: Path, emulators: Emulators, tmp_path: Path) -> None:
    local.migrate(tmp_path)
    variables = {**local.LOCAL_VARS, **local.emulated_vars(emulators.base_urls)}
    options = {"state": str(tmp_path), "workers": ["greeter", "rate-limiter"], "vars": {"*": variables}}
    workers = local.Part("workers", [str(NODE), str(copy / "wrangler" / "stack.mjs"), json.dumps(options)])
    try:
        url = workers.wait_until_ready()["workers"]["greeter"]

        answer = httpx2.post(f"{url}/greet", json={"name": "Ada"}, trust_env=False, timeout=30)

        assert success_of(answer)["text"] == "Hello Ada"
        assert httpx2.get(f"{url}/health", trust_env=False).json()["service"] == "greeter"
    finally:
        workers.stop()
        if workers.process.stdout is not None:
            workers.process.stdout.close()
