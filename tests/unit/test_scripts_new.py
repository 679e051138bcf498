"""`npm run new`: names that cannot be, and what a refused command leaves behind: nothing."""

import shutil
from pathlib import Path

import pytest

import check_config
import new
from platform_workers import find_workers
from setup import ROOT

WORKER = find_workers()[0].name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with what the command reads and changes."""
    for name in (
        "wrangler/shared.toml",
        "README.md",
        "shared/electrons/upstream/price_list.py",
        "tests/emulators/README.md",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    for worker in find_workers():
        for name in ("wrangler.toml", "pyproject.toml"):
            (tmp_path / "workers" / worker.name).mkdir(parents=True, exist_ok=True)
            shutil.copy2(worker.folder / name, tmp_path / "workers" / worker.name / name)
    return tmp_path


def files_of(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["worker", WORKER], f"there is a worker {WORKER} already: workers/{WORKER}"),
        (["worker", "Greeter"], "'Greeter' cannot be a worker's name: lower-case words"),
        (["worker", "greeter_two"], "cannot be a worker's name"),
        (["worker", "../greeter"], "cannot be a worker's name"),
        (["worker", "2d"], "cannot be a worker's name"),
        (["worker", "a" * 41], "40 characters at most"),
        (["worker", "text"], "text is a scope of API keys already"),
        (["worker", "greeter-staging"], "ends like a worker of an environment (staging, production)"),
        (["worker", "json"], "json would have the package `json`, but there is another of that name"),
        (["worker", "electrons"], "electrons would have the package `electrons`"),
        (["worker", "class"], "class would have the package `class`"),
        (["provider", "openai"], "there is a provider openai already: shared/electrons/providers/openai"),
        (["provider", "Groq"], "'Groq' cannot be a provider's name: one word"),
        (
            ["provider", "groq"],
            "text-gen calls groq already, by its row in shared/electrons/providers/openai/compatible.py",
        ),
        (["provider", "my-vendor"], "cannot be a provider's name"),
        (["provider", "class"], "cannot be a provider's name"),
        (["provider", "public"], "`PUBLIC_BASE_URL` is another setting already"),
        (["provider", "nosuchvendor", "--base-url", "http://api.acme.com"], "is not an https URL"),
        (["provider", "nosuchvendor", "--base-url", "https://api.acme.com/?a=b"], "is not an https URL"),
        (["provider", "nosuchvendor", "--base-url", "https://["], "is not an https URL"),
        (["provider", "nosuchvendor", "--model", 'a"b'], "is not the name of a model"),
        (["provider", "nosuchvendor", "--price", "2", "1"], "--price takes US dollars for a million tokens"),
        (["provider", "nosuchvendor", "--price", "0", "nan"], "--price takes US dollars for a million tokens"),
        (["provider", "nosuchvendor", "--title", '"""'], "is not a vendor's name"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, list) else None,
)
def test_new_when_it_cannot_be_then_why_and_nothing_is_written(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    before = files_of(root)

    status = new.run(arguments, root)

    error = capsys.readouterr().err
    assert status == 1
    assert error.startswith("new: ") and problem in error and error.count("\n") == 1
    assert files_of(root) == before


def test_new_when_a_file_exists_then_it_is_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = root / "tests" / "unit" / "test_no_such_worker.py"
    test.parent.mkdir()
    test.write_text("mine")
    before = files_of(root)

    assert new.run(["worker", "no-such-worker"], root) == 1
    assert capsys.readouterr().err == "new: tests/unit/test_no_such_worker.py exists already; choose another name\n"
    assert files_of(root) == before


def test_new_when_a_table_is_gone_then_nothing_is_written(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "README.md").write_text("# Mine\n")
    before = files_of(root)

    assert new.run(["worker", "no-such-worker"], root) == 1
    assert "README.md has 0 places for the new row; it should have one" in capsys.readouterr().err
    assert files_of(root) == before


@pytest.mark.parametrize("arguments", [[], ["worker"], ["bucket", "a"], ["provider", "a", "--price", "1"]], ids=str)
def test_new_when_misused_then_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        new.run(arguments)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: npm run new --")


def test_new_worker_when_made_then_it_agrees_with_the_others(root: Path) -> None:
    assert new.run(["worker", "video-gen"], root) == 0

    made = {worker.name: worker for worker in find_workers(root)}["video-gen"]
    assert (made.package, made.scopes) == ("video_gen", ("video-gen",))
    assert check_config.main(root) == 0
    assert "| [`video-gen`](workers/video-gen) |" in (root / "README.md").read_text()
    assert new.run(["worker", "video-gen"], root) == 1


def test_new_provider_when_made_then_its_rows_and_settings_are_there(root: Path) -> None:
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "shared",
        root / "shared",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", "workers.json"),
    )

    assert new.run(["provider", "nosuchvendor", "--model", "model-1", "--price", "0.5", "1.5"], root) == 0

    assert '"nosuchvendor:model-1": Price(0.5, 1.5),' in (root / "shared/electrons/upstream/price_list.py").read_text()
    assert "/nosuchvendor/v1` | `POST /chat/completions`" in (root / "tests/emulators/README.md").read_text()
    assert "| `NOSUCHVENDOR_API_KEY` |" in (root / "shared" / "README.md").read_text()
    assert "\nNOSUCHVENDOR_API_KEY=\n" in (root / ".dev.vars.example").read_text()
    assert (root / "tests" / "emulators" / "vendors" / "nosuchvendor" / "__init__.py").exists()
