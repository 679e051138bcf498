"""The ports of the local stack, and their errors in `npm run check`."""

import re
from pathlib import Path
from typing import Any

import pytest

import check_config
import ports
from setup import SetupError

ROOT = Path(__file__).parents[2]


def config_with_port(port: object) -> dict[str, Any]:
    return {"dev": {"port": port}}


@pytest.fixture(autouse=True)
def unset_port_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DE_PORT_BASE", raising=False)


def test_ports_when_no_base_is_set_then_those_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"^  (\S+) +http://127\.0\.0\.1:(\d+) +worker$", readme, flags=re.MULTILINE)
    expected = {
        "text-gen": 8787,
        "audio-gen": 8788,
        "stock-media": 8789,
        "render-service": 8790,
        "image-gen": 8791,
        "sandbox-executor": 8792,
    }

    assigned = ports.worker_ports(ports.load_configs())

    assert assigned.items() >= expected.items()
    assert {name: int(port) for name, port in shown}.items() <= assigned.items()
    assert shown
    assert ports.emulators_port() == 8800


def test_ports_when_a_base_is_set_then_all_move_by_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DE_PORT_BASE", "9000")

    assert ports.worker_ports({"a": config_with_port(8787), "b": config_with_port(8790), "c": {}}) == {
        "a": 9000,
        "b": 9003,
        "c": 9004,
    }
    assert ports.emulators_port() == 9013


@pytest.mark.parametrize("base", ["", "80", "65001", "-1", "9000.0", "any"])
def test_ports_when_the_base_is_not_a_port_then_error_names_it(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DE_PORT_BASE", base)

    with pytest.raises(SetupError, match=f"`DE_PORT_BASE` must be a port from 1024 to 65000, not {base!r}"):
        ports.worker_ports({})


def test_ports_when_the_base_moves_one_too_far_then_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DE_PORT_BASE", "60000")

    with pytest.raises(SetupError, match="moves far to port 71213"):
        ports.worker_ports({"far": config_with_port(20000)})


def test_ports_when_none_is_declared_then_the_next_highest() -> None:
    configs = {"a": {}, "b": config_with_port(8790), "c": config_with_port(8788), "d": {}}

    assert ports.assign_ports(configs) == {"a": 8791, "b": 8790, "c": 8788, "d": 8792}


def test_ports_when_the_next_is_the_emulators_then_skipped() -> None:
    assert ports.assign_ports({"a": config_with_port(8799), "b": {}, "c": {}}) == {"a": 8799, "b": 8801, "c": 8802}


def test_ports_when_no_worker_declares_one_then_from_the_base() -> None:
    assert ports.assign_ports({"a": {}, "b": {}}) == {"a": 8787, "b": 8788}


def test_ports_when_a_worker_is_not_public_then_declared_only() -> None:
    hidden = {"workers_dev": False}

    assert ports.assign_ports({"a": hidden, "b": {}, "c": {**hidden, **config_with_port(9001)}}) == {
        "b": 9002,
        "c": 9001,
    }


@pytest.mark.parametrize(
    ("port", "problem"),
    [
        (8787, "port 8787 is that of a; choose another one, or leave it out"),
        (8800, "port 8800 is that of the emulators"),
        (80, "port must be a number from 1024 to 65535, not 80"),
        (0, "port must be a number from 1024 to 65535, not 0"),
        (65536, "not 65536"),
        ("8788", "not '8788'"),
        (True, "not True"),
        (8788.0, "not 8788.0"),
    ],
)
def test_ports_when_a_declared_one_is_invalid_then_refused(port: object, problem: str) -> None:
    configs = {"a": config_with_port(8787), "b": config_with_port(port)}

    with pytest.raises(SetupError, match=f"^workers/b/wrangler.toml: .*{re.escape(problem)}"):
        ports.assign_ports(configs)


def write_worker(root: Path, name: str, port: int) -> None:
    folder = root / "workers" / name
    folder.mkdir(parents=True)
    (folder / "wrangler.toml").write_text(
        f'name = "{name}"\nmain = "src/entry.py"\n'
        f'[build]\ncommand = "python3 ../../scripts/vendor.py {name}"\n[dev]\nport = {port}\n'
    )


def test_check_when_two_workers_have_one_port_then_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wrangler").mkdir()
    (tmp_path / "wrangler" / "shared.toml").touch()
    write_worker(tmp_path, "first", 8787)
    assert check_config.main(tmp_path) == 0
    write_worker(tmp_path, "second", 8787)
    capsys.readouterr()

    assert check_config.main(tmp_path) == 1
    assert capsys.readouterr().out == (
        "workers/second/wrangler.toml: [dev] port 8787 is that of first; choose another one, or leave it out\n"
    )


def test_check_when_run_here_then_the_configurations_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_config.main() == 0
    assert capsys.readouterr().out == "the workers' configurations agree, and the migrations only add\n"
