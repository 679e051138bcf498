"""The trial of a Worker in `POST /execute`: what is run, its isolation, and what is shown of its responses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.repositories import create_repository, entry
from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.sandbox import call, execute, finish, handler, play, run, tools_of, unique
from tests.workers.shapes import success_of

pytestmark = pytest.mark.usefixtures("delete_deployed")

JSON = dict[str, Any]

ECHO = """\
export default {
  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    const header = request.headers.get("x-asked");
    return Response.json({ method: request.method, at: pathname + search, header, body: await request.text() });
  },
};
"""


def test_code_is_tried_if_the_model_stops_without_finish(platform: Platform, emulators: Emulators) -> None:
    worker = ["write_file", {"path": "src/index.js", "content": ECHO}]
    right = execute(platform, play([worker]), requests=[{"path": "/x"}])
    wrong = execute(platform, play([worker, ["write_file", {"path": "a.json", "content": "{"}]]), commit=False)

    assert right["result"]["trial"]["answers"][0]["status"] == 200
    assert right["result"]["metadata"]["ended_by"] == "finished"
    assert wrong["result"]["metadata"]["ended_by"] == "max_repairs"
    assert "does not pass its trial" in json.dumps(emulators.requests("anthropic")[-1]["body"]["messages"])


def test_requests_of_the_caller_reach_the_worker(platform: Platform) -> None:
    requests = [
        {"path": "/a/b?c=d&e=%20", "headers": {"X-Asked": "yes"}},
        {"method": "POST", "path": "/post", "body": "Grüße"},
        {"method": "DELETE"},
    ]

    trial = finish(platform, {"src/index.js": ECHO}, requests=requests)["result"]["trial"]

    assert [json.loads(answer["body"]) for answer in trial["answers"]] == [
        {"method": "GET", "at": "/a/b?c=d&e=%20", "header": "yes", "body": ""},
        {"method": "POST", "at": "/post", "header": None, "body": "Grüße"},
        {"method": "DELETE", "at": "/", "header": None, "body": ""},
    ]


@pytest.mark.parametrize(
    ("files", "main", "text"),
    [
        ({"README.md": "# Words"}, None, "There is no Worker to run"),
        ({"src/index.js": "export const a = 1;"}, None, "There is no Worker to run"),
        ({"src/index.ts": handler("")}, None, "There is no Worker to run"),
        ({"src/index.js": ECHO}, "src/none.js", "There is no file `src/none.js`, which was named as the main module"),
        ({"src/index.js": ECHO, "README.md": "#"}, "README.md", "The main module must be a JavaScript module"),
        ({"src/index.js": "export const a = 1;"}, "src/index.js", "no default export with fetch()"),
        ({"src/index.js": "export default {"}, "src/index.js", "SyntaxError: "),
        ({"src/index.js": "\nthrow new Error('at the top');\n" + ECHO}, None, "at the top"),
        ({"src/index.js": "\nthrow new Error('at the top');\n" + ECHO}, None, "src/index.js:2:"),
        ({"src/index.js": "import './none.js';\n" + ECHO}, None, "none.js"),
        ({"src/index.js": handler("\nreturn nothing.at.all;")}, None, "src/index.js:2:"),
        ({"src/index.js": handler("return 'no response'")}, None, "Response"),
    ],
)
def test_run_of_a_broken_worker_says_why(
    platform: Platform, emulators: Emulators, files: dict[str, str], main: str | None, text: str
) -> None:
    ok, output = run(platform, emulators, files, main=main)

    assert (ok, text in output) == (False, True), output
    assert "electrons-trial" not in output


def test_worker_of_many_modules_runs_as_when_deployed(platform: Platform) -> None:
    files = {
        "src/index.js": "import { greet } from './lib/greet.js';\nimport page from '../page.html';\n"
        "import data from './data.json';\n" + handler("return new Response([greet(), page, typeof data].join())"),
        "src/lib/greet.js": "import { word } from '../words.mjs';\nexport const greet = () => `${word}!`;\n",
        "src/words.mjs": "export const word = 'Hello';\n",
        "src/unused.js": "throw new Error('never imported');\n",
        "src/data.json": "{}",
        "page.html": "<p>",
    }
    client = platform.client("sandbox-executor")

    body = finish(platform, files, auto_deploy=True, worker_name=unique("modules"))

    (tried,) = body["result"]["trial"]["answers"]
    assert tried["body"].startswith("Hello!,<p>,")
    assert body["deployment"]["success"] is True, body["deployment"]
    assert client.get(body["deployment"]["url"]).text == tried["body"]


@pytest.mark.parametrize(
    "source",
    [
        "await fetch(TARGET)",
        "await (await caches.open('x')).add(TARGET)",
        "const { connect } = await import('cloudflare:sockets'); const { hostname, port } = new URL(TARGET);"
        "await connect({ hostname, port: Number(port) }).opened",
        "new WebSocket(TARGET.replace('http', 'ws')); throw new Error('opened')",
    ],
    ids=["fetch", "cache", "socket", "websocket"],
)
def test_network_is_out_of_reach_of_the_worker(platform: Platform, emulators: Emulators, source: str) -> None:
    target = f"const TARGET = {json.dumps(emulators.url_of('github') + '/user')};"
    caught = f"try {{ {source} }} catch (error) {{ return new Response(`caught ${{error}}`) }}"

    body = finish(platform, {"src/index.js": handler(f"{target} {caught} return new Response('went')")})

    (answer,) = body["result"]["trial"]["answers"]
    assert answer["body"].startswith("caught ")
    assert emulators.requests("github") == []


def test_worker_on_trial_has_no_bindings_and_no_files(platform: Platform) -> None:
    source = handler(
        "const file = await import('node:fs').then((fs) => fs.readFileSync('/etc/passwd', 'utf8')).catch(String);"
        "const vars = globalThis.process?.env ?? {};"
        "return Response.json({ env, vars, file, ctx: Object.keys(ctx.exports ?? {}) })"
    )

    (answer,) = finish(platform, {"src/index.js": source})["result"]["trial"]["answers"]

    seen = json.loads(answer["body"])
    assert (seen["env"], seen["vars"]) == ({}, {})
    assert "root:" not in seen["file"]


def test_console_output_of_a_trial_is_in_no_log(platform: Platform) -> None:
    mark = unique("printed")
    source = handler(f"for (let i = 0; i < 2000; i++) console.log('{mark}'); return new Response('fine')")

    (answer,) = finish(platform, {"src/index.js": source})["result"]["trial"]["answers"]

    assert answer["body"] == "fine"
    assert mark not in platform.logged()


def test_answer_when_it_is_odd_then_it_is_told_in_little(platform: Platform) -> None:
    source = handler(
        "switch (new URL(request.url).pathname) {"
        "case '/redirect': return Response.redirect('https://elsewhere.example/', 302);"
        "case '/large': return new Response('ä'.repeat(100_000));"
        "case '/binary': return new Response(new Uint8Array([255, 254, 0, 1, 2]));"
        "case '/large-binary': return new Response(new Uint8Array(100_000).fill(255));"
        "case '/endless': return new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(9999)) }));"
        "case '/empty': return new Response(null, { status: 204, headers: { 'Set-Cookie': 'a=b', 'X-Own': 'c' } }) }"
    )
    paths = ["/redirect", "/large", "/binary", "/large-binary", "/endless", "/empty"]

    trial = finish(platform, {"src/index.js": source}, requests=[{"path": path} for path in paths])["result"]["trial"]

    redirect, large, binary, large_binary, endless, empty = trial["answers"]
    assert (redirect["status"], redirect["headers"]["location"]) == (302, "https://elsewhere.example/")
    assert (large["body"], large["truncated"]) == ("ä" * 8000, True)
    assert binary["body"] == "<5 bytes>"
    assert large_binary["body"].startswith("<more than ")
    assert (len(endless["body"]), endless["truncated"]) == (8000, True)
    assert (empty["status"], empty["body"], "truncated" in empty) == (204, "", False)
    assert {name.lower() for name in empty["headers"]} == {"set-cookie"}


def test_response_that_takes_too_long_ends_the_run(platform: Platform, emulators: Emulators) -> None:
    source = handler("if (request.url.endsWith('/slow')) await scheduler.wait(60_000); return new Response('fine')")

    ok, output = run(
        platform, emulators, {"src/index.js": source}, requests=[{"path": path} for path in ("/", "/slow", "/")]
    )

    first, slow, unsent = json.loads(output)["answers"]
    assert (ok, first["body"]) == (False, "fine")
    assert "No answer within the 10 seconds" in slow["error"]
    assert "Not sent" in unsent["error"]


def test_failing_python_shows_only_its_own_frames(platform: Platform, emulators: Emulators) -> None:
    target = f"{emulators.url_of('github')}/user"
    files = {
        "src/entry.py": "from workers import Response, WorkerEntrypoint, fetch\n"
        "from lib.words import GREETING\n\n\n"
        "class Default(WorkerEntrypoint):\n"
        "    async def fetch(self, request):\n"
        "        if request.url.endswith('/boom'):\n"
        "            raise ValueError('boom')\n"
        "        try:\n"
        f"            await fetch({target!r})\n"
        "        except Exception:\n"
        "            return Response(GREETING)\n",
        "src/lib/words.py": "GREETING = 'Hello'\n",
    }

    ok, output = run(platform, emulators, files, requests=[{"path": "/"}, {"path": "/boom"}])

    greeting, boom = json.loads(output)["answers"]
    assert (ok, greeting["body"]) == (False, "Hello")
    assert 'entry.py", line 8' in boom["error"] and "ValueError: boom" in boom["error"]
    assert "/session" not in boom["error"]
    assert emulators.requests("github") == []


def test_worker_is_tried_after_its_module_is_deleted(platform: Platform, emulators: Emulators) -> None:
    repo = create_repository(emulators)
    head = repo.commit(
        entry("src/index.js", "import { word } from './words.js';\n" + handler("return new Response(word)")),
        entry("src/words.js", "export const word = 'Hello';\n"),
        parent=repo.tip(),
    )
    repo.send("PATCH", "/git/refs/heads/main", sha=head)
    task = play([["delete_file", {"path": "src/words.js"}]], [["finish", {"summary": "One file less"}]])

    body = success_of(call(platform, "/execute", {"task": task, "repo": repo.full_name, "commit": True}))

    assert tools_of(body)[1] == ("finish", False)
    assert repo.tip() == head


@pytest.mark.parametrize("text", ["Network connection lost.", "internal error; reference = abc123"])
@pytest.mark.parametrize(
    "throw",
    [
        "const e = new Error('x'); e.stack = {text}; throw e",
        "throw {{ get stack() {{ throw new Error({text}) }} }}",
        "return new Response(new ReadableStream({{ start(c) {{ c.error(new Error({text})) }} }}))",
    ],
    ids=["stack", "getter", "stream"],
)
def test_code_that_forges_a_loader_failure_fails_its_trial(
    platform: Platform, emulators: Emulators, throw: str, text: str
) -> None:
    ok, output = run(platform, emulators, {"src/index.js": handler(throw.format(text=json.dumps(text)))})

    assert not ok, output
    assert "Worker Loader" not in output
