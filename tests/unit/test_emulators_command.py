"""`python -m tests.emulators` as a program: how it starts, what it says, how it ends."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.emulators.process import start_emulators

_COMMAND = [sys.executable, "-m", "tests.emulators", "--port"]
_ROOT = Path(__file__).parents[2]
_VENDORS = _ROOT / "tests" / "emulators" / "vendors"


def test_start_when_ready_then_one_line_says_where_and_what() -> None:
    with subprocess.Popen([*_COMMAND, "0"], cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        index = httpx2.get(ready["url"]).json()
        process.terminate()

    assert ready["event"] == "ready"
    assert ready["base_urls"] == index["base_urls"]
    assert list(ready["base_urls"]) == sorted(file.parent.name for file in _VENDORS.glob("*/__init__.py"))


def test_start_when_the_port_is_taken_then_one_line_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run([*_COMMAND, str(port)], cwd=_ROOT, capture_output=True, text=True, check=False)
        with pytest.raises(RuntimeError, match=f"did not start on port {port}"), start_emulators(port=port):
            pass

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"emulators: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, None])
def test_exit_when_signalled_or_orphaned_then_ends_streams(ending: signal.Signals | None) -> None:
    with subprocess.Popen(
        [*_COMMAND, "0", "--exit-with-parent"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        url = f"{json.loads(process.stdout.readline())['url']}/openai"
        httpx2.post(f"{url}/_emulator/faults", json={"kind": "stall"})
        request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "stream": True}
        with httpx2.stream(
            "POST", f"{url}/v1/chat/completions", json=request, headers={"authorization": "Bearer any"}
        ) as stalled:
            assert stalled.status_code == 200
            if ending is None:
                process.stdin.close()
            else:
                process.send_signal(ending)
            process.wait()

        assert process.stderr.read() == ""
