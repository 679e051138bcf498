"""The files that are copied into a worker's `python_modules/`."""

import os
from pathlib import Path

import pytest

import vendor


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name in ("app.py", "models/text.py", "testing/client.py", "__pycache__/app.pyc", "bin/tool"):
        write_file(folder / name, f"# {name}")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "worker" / "python_modules"


def write_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def sync_electrons(source: Path, target: Path) -> None:
    vendor.sync({Path("electrons"): source}, target)


def test_sync_when_the_target_is_new_then_only_runtime_files(source: Path, target: Path) -> None:
    sync_electrons(source, target)

    assert list_files(target) == ["electrons/app.py", "electrons/models/text.py"]


def test_sync_when_nothing_changed_then_nothing_is_copied(source: Path, target: Path) -> None:
    sync_electrons(source, target)
    before = {name: (target / name).stat().st_ctime_ns for name in list_files(target)}

    sync_electrons(source, target)

    assert {name: (target / name).stat().st_ctime_ns for name in list_files(target)} == before


def test_sync_when_a_file_changed_then_only_that_is_copied(source: Path, target: Path) -> None:
    sync_electrons(source, target)
    untouched = (target / "electrons/models/text.py").stat().st_ctime_ns

    write_file(source / "app.py", "# app.py, longer")
    sync_electrons(source, target)

    assert (target / "electrons/app.py").read_text() == "# app.py, longer"
    assert (target / "electrons/models/text.py").stat().st_ctime_ns == untouched


def test_sync_when_only_the_time_differs_then_file_is_copied(source: Path, target: Path) -> None:
    sync_electrons(source, target)
    write_file(source / "app.py", "# app.pz")
    os.utime(source / "app.py", ns=(1, 1))

    sync_electrons(source, target)

    assert (target / "electrons/app.py").read_text() == "# app.pz"


def test_sync_when_a_file_has_no_source_then_it_is_removed(source: Path, target: Path) -> None:
    sync_electrons(source, target)
    write_file(target / "leftover.py", "")
    (source / "models/text.py").unlink()

    sync_electrons(source, target)

    assert list_files(target) == ["electrons/app.py"]


def test_sync_when_two_sources_are_given_then_prefixes_are_used(source: Path, target: Path) -> None:
    other = source.parent / "dependencies"
    write_file(other / "httpx2/__init__.py", "")

    vendor.sync({Path(): other, Path("electrons"): source}, target)

    assert list_files(target) == ["electrons/app.py", "electrons/models/text.py", "httpx2/__init__.py"]


@pytest.mark.parametrize(
    "name", ["pydantic/v1/main.py", "pydantic/mypy.py", "idna/uts46data.py", "pydantic-2.14.3.dist-info/METADATA"]
)
def test_sync_when_no_worker_imports_a_file_then_it_is_left_out(source: Path, target: Path, name: str) -> None:
    write_file(source / name, "")

    vendor.sync({Path(): source}, target)

    assert name not in list_files(target)


@pytest.mark.parametrize(
    "name", ["pydantic/main.py", "httpx2-2.16.2.dist-info/METADATA", "workers_runtime_sdk-1.9.5.dist-info/RECORD"]
)
def test_sync_when_a_worker_reads_a_file_then_it_is_copied(source: Path, target: Path, name: str) -> None:
    write_file(source / name, "")

    vendor.sync({Path(): source}, target)

    assert name in list_files(target)


def test_sync_when_electrons_is_vendored_then_marked_as_typed(target: Path) -> None:
    sync_electrons(vendor.ROOT / "shared" / "electrons", target)

    assert (target / "electrons/py.typed").is_file()


def test_main_when_the_worker_is_unknown_then_error_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert vendor.main(["nobody"]) == 2

    message = capsys.readouterr().err
    assert "there is no worker named nobody" in message
    assert "text-gen" in message
