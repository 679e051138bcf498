"""Workers in JavaScript and Python run after the SDKs of PyPI and npm, or wrangler, deployed them."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudflare
import httpx2
import pytest

from setup import NODE, ROOT, environment
from tests.clients.workers_api import (
    ACCOUNT,
    JAVASCRIPT,
    PYTHON,
    Files,
    Workers,
    connect_client,
    error_of,
    load_python_sdk,
)
from tests.emulators.process import Emulators

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("delete_deployed")]

NPM_CLIENT = Path(__file__).with_name("cloudflare_client.mjs")
PYTHON_METADATA = {"compatibility_date": "2026-10-01", "compatibility_flags": ["python_workers"]}


@pytest.fixture
def workers(emulators: Emulators) -> Iterator[Workers]:
    with connect_client(emulators) as connected:
        yield connected


def test_worker_when_called_then_it_gets_the_request_as_sent(workers: Workers) -> None:
    code = """export default { async fetch(request) {
      const { method, url, headers } = request;
      return new Response(JSON.stringify({ method, url, colour: headers.get("x-colour"), body: await request.text() }),
        { status: 201, headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
    } }"""
    workers.upload("echo", {"index.js": (code, JAVASCRIPT)}, main="index.js")
    address = f"{workers.public_url}/echo/a%20b/?q=%2F&q="
    answer = httpx2.patch(address, content="body", headers={"x-colour": "blue"})

    assert answer.status_code == 201
    assert answer.json() == {
        "method": "PATCH",
        "url": "https://echo.emulated.workers.dev/a%20b/?q=%2F&q=",
        "colour": "blue",
        "body": "body",
    }
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_worker_when_it_redirects_to_itself_then_it_responds(workers: Workers) -> None:
    code = """export default { fetch(request) {
      const here = new URL(request.url);
      return here.pathname === "/end" ? new Response("arrived") : Response.redirect(new URL("/end", here));
    } }"""
    workers.upload("redirecting", {"index.js": (code, JAVASCRIPT)}, main="index.js")

    assert workers.get("redirecting/start", follow_redirects=True).text == "arrived"


def test_modules_when_of_many_types_then_content_types_are_used(workers: Workers) -> None:
    wasm = bytes.fromhex("0061736d01000000")
    main = """
      import { greeting } from "./lib/greeting.js";
      import text from "./note.txt";
      import data from "./raw.bin";
      import wasm from "./empty.wasm";
      const kinds = [greeting, text, data.byteLength, wasm instanceof WebAssembly.Module];
      export default { fetch() { return Response.json(kinds); } };"""
    files: Files = {
        "src/index.js": (main.replace("./", "../"), JAVASCRIPT),
        "lib/greeting.js": ("export const greeting = 'hello';", JAVASCRIPT),
        "note.txt": ("a note", "text/plain"),
        "raw.bin": (b"\x00\xff\x00", "application/octet-stream"),
        "empty.wasm": (wasm, "application/wasm"),
        "src/index.js.map": ("{}", "application/source-map"),
    }
    workers.upload("modular", files, main="src/index.js")

    assert workers.get("modular").json() == ["hello", "a note", 3, True]


def test_worker_when_it_throws_then_error_1101(workers: Workers) -> None:
    code = "export default { fetch() { throw new Error('oh no'); } }"
    workers.upload("throwing", {"index.js": (code, JAVASCRIPT)}, main="index.js")
    answer = workers.get("throwing")

    assert answer.status_code == 500
    assert "Worker threw exception" in answer.text and "oh no" in answer.text


def test_worker_when_it_loops_then_1102_and_it_responds_again(workers: Workers) -> None:
    code = """export default { fetch(request) {
      if (request.url.endsWith("loop")) for (;;);
      return new Response("fine");
    } }"""
    workers.upload("looping", {"index.js": (code, JAVASCRIPT)}, main="index.js", limits={"cpu_ms": 1500})
    answer = workers.get("looping/loop")

    assert answer.status_code == 503
    assert "Error 1102" in answer.text
    assert workers.get("looping").text == "fine"


NEWEST = "2026-10-01"
STREAMING = """
let left = false;
export default { fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/left") return Response.json(left);
  let number = 0;
  const body = new ReadableStream({
    async pull(controller) {
      if (number === 3 && pathname === "/block") for (;;);
      if (number === 3 && pathname === "/end") return controller.close();
      controller.enqueue(new TextEncoder().encode(`part ${number++}\\n`));
      await scheduler.wait(100);
    },
    cancel() { left = true; },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
} }"""


def test_worker_when_it_streams_then_parts_come_one_by_one(workers: Workers) -> None:
    workers.upload("streaming", {"index.js": (STREAMING, JAVASCRIPT)}, main="index.js", compatibility_date=NEWEST)
    with httpx2.stream("GET", f"{workers.public_url}/streaming/end", trust_env=False) as answer:
        times = {line: time.monotonic() for line in answer.iter_lines()}

    assert list(times) == ["part 0", "part 1", "part 2"]
    assert times["part 2"] - times["part 0"] > 0.1
    assert answer.headers["content-type"] == "text/event-stream"


def test_worker_when_its_caller_leaves_then_its_stream_ends(workers: Workers) -> None:
    workers.upload("left", {"index.js": (STREAMING, JAVASCRIPT)}, main="index.js", compatibility_date=NEWEST)
    with httpx2.stream("GET", f"{workers.public_url}/left/forever", trust_env=False) as answer:
        next(answer.iter_lines())
    for _ in range(40):
        if workers.get("left/left").json():
            return
        time.sleep(0.05)
    raise AssertionError("the stream goes on")


def test_worker_when_it_blocks_in_a_stream_then_it_is_cut(workers: Workers) -> None:
    workers.upload(
        "cut", {"index.js": (STREAMING, JAVASCRIPT)}, main="index.js", compatibility_date=NEWEST, limits={"cpu_ms": 500}
    )
    with (
        httpx2.stream("GET", f"{workers.public_url}/cut/block", trust_env=False, timeout=30) as answer,
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        list(answer.iter_lines())

    assert workers.get("cut/left").json() is False


def test_python_when_it_includes_its_sdk_then_it_responds(workers: Workers) -> None:
    entry = """
from lib.greeting import greet
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(greet(self.env.NAME, request.url))
"""
    greeting = 'def greet(name, url):\n    return f"Hello {name} at {url}"\n'
    files = {"entry.py": (entry, PYTHON), "lib/greeting.py": (greeting, PYTHON), **load_python_sdk()}
    name = {"name": "NAME", "type": "plain_text", "text": "Python"}
    workers.upload("snake", files, main="entry.py", bindings=[name], **PYTHON_METADATA)

    assert workers.get("snake/x").text == "Hello Python at https://snake.emulated.workers.dev/x"


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        (PYTHON_METADATA, "ModuleNotFoundError: No module named 'workers'"),
        ({**PYTHON_METADATA, "compatibility_flags": []}, "python_workers compatibility flag is required"),
        ({**PYTHON_METADATA, "compatibility_date": "2026-01-01"}, "with a compatibility_date of 2026-09-08 or later"),
    ],
)
def test_python_when_something_is_missing_then_10021_says_what(
    workers: Workers, metadata: dict[str, Any], text: str
) -> None:
    files = {"entry.py": ("from workers import WorkerEntrypoint", PYTHON)}
    with pytest.raises(cloudflare.BadRequestError) as refused:
        workers.upload("legless", files, main="entry.py", **metadata)

    status, number, message = error_of(refused.value)
    assert (status, number) == (400, 10021)
    assert text in message
    assert "pyodideRuntime-internal" not in message


def call_npm_client(emulators: Emulators, *calls: tuple[str, list[Any]]) -> list[Any]:
    """Return the results of calls by the official client of npm."""
    command = [str(NODE), str(NPM_CLIENT), emulators.url_of("cloudflare"), "any", json.dumps(calls)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    results: list[Any] = json.loads(printed)
    return results


def test_npm_client_when_it_deploys_then_the_worker_responds(emulators: Emulators, workers: Workers) -> None:
    metadata = json.dumps({"main_module": "index.js", "compatibility_date": "2026-10-01"})
    code = "import text from './text.js'; export default { fetch() { return new Response(text); } }"
    form = {
        "account_id": ACCOUNT,
        "metadata": {"$file": {"name": "metadata", "type": "application/json", "content": metadata}},
        "index.js": {"$file": {"name": "index.js", "type": JAVASCRIPT, "content": code}},
        "text.js": {"$file": {"name": "text.js", "type": JAVASCRIPT, "content": "export default 'from npm'"}},
    }
    # Release 7 sets `application/javascript`; without the header, fetch sets the form's type and boundary.
    upload = ["from-npm", form, {"headers": {"Content-Type": None}}]
    account = {"account_id": ACCOUNT}
    secret = {**account, "name": "KEY", "text": "hidden", "type": "secret_text"}
    uploaded, opened, added, secrets, versions, deployments = call_npm_client(
        emulators,
        ("workers.scripts.update", upload),
        ("workers.scripts.subdomain.create", ["from-npm", {**account, "enabled": True}]),
        ("workers.scripts.secrets.update", ["from-npm", secret]),
        ("workers.scripts.secrets.list", ["from-npm", account]),
        ("workers.scripts.versions.list", ["from-npm", account]),
        ("workers.scripts.deployments.list", ["from-npm", account]),
    )

    assert (uploaded["value"]["id"], opened["value"]["enabled"]) == ("from-npm", True)
    assert secrets["value"] == [added["value"]] == [{"name": "KEY", "type": "secret_text"}]
    assert [version["number"] for version in versions["value"]["items"]] == [2, 1]
    assert len(deployments["value"]["deployments"]) == 2
    assert workers.get("from-npm").text == "from npm"


def test_npm_client_when_it_encodes_the_form_then_10021(emulators: Emulators) -> None:
    """Reproduce cloudflare/cloudflare-typescript#2799: release 7 sends a form as `application/javascript`."""
    code = {"$file": {"name": "index.js", "type": JAVASCRIPT, "content": "export default {}"}}
    form = {"account_id": ACCOUNT, "metadata": {"main_module": "index.js"}, "files": [code]}
    refused, missing = call_npm_client(
        emulators,
        ("workers.scripts.update", ["by-itself", form]),
        ("workers.scripts.delete", ["by-itself", {"account_id": ACCOUNT}]),
    )

    assert refused["status"] == 400
    assert refused["errors"][0]["code"] == 10021
    assert "Uncaught SyntaxError: Invalid left-hand side expression" in refused["errors"][0]["message"]
    assert (missing["status"], missing["errors"][0]["code"]) == (404, 10007)


def run_wrangler_deploy(emulators: Emulators, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NODE), str(ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js"), "deploy"],
        cwd=folder,
        env={
            **environment(),
            "CLOUDFLARE_API_BASE_URL": emulators.url_of("cloudflare"),
            "CLOUDFLARE_API_TOKEN": "any",
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
            "WRANGLER_SEND_METRICS": "false",
            "CI": "true",
            "HOME": str(folder),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_wrangler_when_a_deployment_fails_then_the_last_stays(
    emulators: Emulators, workers: Workers, tmp_path: Path
) -> None:
    config = 'name = "by-wrangler"\nmain = "index.js"\ncompatibility_date = "2026-10-01"\n[vars]\nNAME = "wrangler"\n'
    (tmp_path / "wrangler.toml").write_text(config)
    answers = []
    for number in (1, 2):
        code = f"export default {{ fetch: (_, env) => new Response(`${{env.NAME}} {number}`) }};"
        (tmp_path / "index.js").write_text(code)
        deployed = run_wrangler_deploy(emulators, tmp_path)
        assert deployed.returncode == 0, deployed.stderr
        assert "https://by-wrangler.emulated.workers.dev" in deployed.stdout
        answers.append(workers.get("by-wrangler").text)
    (tmp_path / "index.js").write_text("throw new Error('out of order'); export default {};")
    broken = run_wrangler_deploy(emulators, tmp_path)

    assert answers == ["wrangler 1", "wrangler 2"]
    assert (broken.returncode, "[code: 10021]" in broken.stderr) == (1, True)
    assert "Uncaught Error: out of order" in broken.stderr
    assert workers.get("by-wrangler").text == "wrangler 2"


def test_wrangler_when_it_deploys_python_then_it_responds(
    emulators: Emulators, workers: Workers, tmp_path: Path
) -> None:
    config = 'name = "python-by-wrangler"\nmain = "src/entry.py"\ncompatibility_date = "2026-10-01"\n'
    (tmp_path / "wrangler.toml").write_text(config + 'compatibility_flags = ["python_workers"]\n')
    entry = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("Python by wrangler")
"""
    for name, (content, _) in {"src/entry.py": (entry.encode(), PYTHON), **load_python_sdk()}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert isinstance(content, bytes)
        path.write_bytes(content)
    deployed = run_wrangler_deploy(emulators, tmp_path)

    assert deployed.returncode == 0, deployed.stderr
    assert workers.get("python-by-wrangler").text == "Python by wrangler"
