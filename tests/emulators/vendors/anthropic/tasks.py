"""The conversations that the emulated models lead when they have tools: each task a script, each step a turn.

A script is chosen by words in the task, which is the first paragraph of the user's first message; the first one that
matches holds. A task with a line like `{"play": [[{"name": "list_files", "input": {}}]]}`, a list of turns, is a script
itself.

A step is what the model says and the tools that it wants to have used. The next turn is the next step, unless the step
says otherwise: `then` and `if_failed` are numbers of steps to go, back where they are negative. After its last step a
script has nothing more to say.

In texts and inputs stand for themselves:
`{{words}}` the first words of the task, `{{quoted}}` what stands in backticks in it, `{{heading}}` the first Markdown
heading in a tool's result, `{{failures}}` how many results were failures, `{{turn}}` the number of the turn, and
`{{filler}}` more characters than the request's `max_tokens` allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Use:
    """A tool to be used. Without it among the request's tools the model can only talk, unless it `invents` it."""

    name: str
    input: Mapping[str, Any]
    invents: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the model."""

    text: str
    uses: tuple[Use, ...] = ()
    then: int = 1
    if_failed: int = 1
    refuses: bool = False


def say(text: str, *uses: Use, then: int = 1, if_failed: int | None = None, refuses: bool = False) -> Step:
    return Step(text, uses, then, then if if_failed is None else if_failed, refuses)


def write(path: str, content: str) -> Use:
    return Use("write_file", {"path": path, "content": content})


def edit(path: str, old: str, new: str) -> Use:
    return Use("edit_file", {"path": path, "old": old, "new": new})


def read(path: str) -> Use:
    return Use("read_file", {"path": path})


def delete(path: str) -> Use:
    return Use("delete_file", {"path": path})


def get(*paths: str) -> Use:
    return Use("run", {"requests": [{"method": "GET", "path": path} for path in paths]})


def finish(summary: str, main: str | None = None) -> Use:
    return Use("finish", {"summary": f"{summary} (emulated)"} | ({"main": main} if main else {}))


LIST = Use("list_files", {})
CHECK = Use("check", {})
MAIN = "src/index.js"

GREETER = """\
// Written by an emulated model.
export default {
  async fetch(request) {
    const found = new URL(request.url).pathname.match(/^\\/hello\\/([^/]+)$/);
    if (request.method === "GET" && found) {
      return Response.json({ hello: decodeURIComponent(found[1]) });
    }
    return Response.json({ error: "not found" }, { status: 404 });
  },
};
"""

PYTHON_GREETER = '''\
"""Written by an emulated model."""

from urllib.parse import unquote, urlsplit

from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        start, found, name = urlsplit(request.url).path.partition("/hello/")
        if request.method == "GET" and found and name and not start:
            return Response.from_json({"hello": unquote(name)})
        return Response.from_json({"error": "not found"}, status=404)
'''

COUNTER = """\
// Written by an emulated model.
let count = 0;

export default {
  async fetch() {
    count += 1;
    throw new Error("the counter is broken");
  },
};
"""

THROWING = """\
// Written by an emulated model, in turn {{turn}}.
export default {
  async fetch() {
    throw new Error("turn {{turn}} does not work either");
  },
};
"""

ENDLESS = """\
// Written by an emulated model.
export default {
  async fetch() {
    while (true) {}
  },
};
"""

ANSWERING = """\
// Written by an emulated model.
export default {
  async fetch() {
    return new Response("An emulated model was asked: {{words}}");
  },
};
"""

LONG = """\
// Written by an emulated model. {{filler}}
"""

SCRIPTS: Mapping[str, tuple[Step, ...]] = {
    "python greeter": (
        say("A greeter in Python.", write("src/entry.py", PYTHON_GREETER)),
        say("Is it sound?", CHECK),
        say("It is done.", finish("A Python Worker that greets", "src/entry.py")),
    ),
    "greeter": (
        say("A greeter.", write(MAIN, GREETER)),
        say("Is it sound?", CHECK),
        say("Does it greet?", get("/hello/Ada", "/nobody")),
        say("It does.", finish("A Worker that greets", MAIN)),
    ),
    "counter that throws": (
        say("A counter.", write(MAIN, COUNTER)),
        say("Does it count?", get("/")),
        say("It throws.", edit(MAIN, 'throw new Error("the counter is broken");', "return Response.json({ count });")),
        say("Does it count now?", get("/")),
        say("It does.", finish("A Worker that counts", MAIN)),
    ),
    "never works": (
        say("One more attempt.", write(MAIN, THROWING)),
        say("Does it work?", get("/"), if_failed=-1),
        say("Nothing was found wrong with it.", finish("A Worker that throws", MAIN), then=-2),
    ),
    "endless loop": (
        say("A Worker.", write(MAIN, ENDLESS)),
        say("Does it answer?", get("/")),
        say("It does not; now it will.", write(MAIN, ANSWERING)),
        say("Does it answer now?", get("/")),
        say("It does.", finish("A Worker that ends", MAIN)),
    ),
    "wanders": (say("Which files are there?", LIST, then=0),),
    "rename the title": (
        say("Which files are there?", LIST),
        say("What is the title?", read("README.md")),
        say("A guess.", edit("README.md", "# This heading stands in no file", "# {{quoted}}")),
        say("By the text.", edit("README.md", "{{heading}}", "# {{quoted}}")),
        say("It is done.", finish("The title is another one")),
    ),
    "delete": (
        say("Which files are there?", LIST),
        say("Away with it.", delete("{{quoted}}")),
        say("It is done.", finish("One file less")),
    ),
    "escape": (
        say("Out of the folder.", write("../evil.txt", "emulated evil")),
        say("To the root.", write("/etc/passwd", "emulated evil")),
        say("Into the repository.", write(".git/config", "emulated evil")),
        say("Into the workflows.", write(".github/workflows/ci.yml", "emulated evil")),
        say("It is done.", finish("{{failures}} of 4 writes were refused")),
    ),
    "refuse": (say("An emulated model declines.", refuses=True),),
    "only text": (say("An emulated model only talks: {{words}}"),),
    "long answer": (
        say("A long file.", write(MAIN, LONG)),
        say("A shorter one.", write(MAIN, ANSWERING)),
        say("It is done.", finish("A Worker that is shorter", MAIN)),
    ),
    "two at once": (
        say("Two files.", write(MAIN, ANSWERING), write("README.md", "# Written by an emulated model\n")),
        say("Both.", CHECK, get("/")),
        say("It is done.", finish("Two files", MAIN)),
    ),
    "unknown tool": (
        say("A tool that nobody offered.", Use("search_the_web", {"query": "{{words}}"}, invents=True)),
        say("Then without.", finish("Nothing was done")),
    ),
    "": (
        say("A Worker.", write(MAIN, ANSWERING)),
        say("Is it sound?", CHECK),
        say("Does it answer?", get("/")),
        say("It does.", finish("A Worker that answers every path with the first words of the task", MAIN)),
    ),
}
"""By the words that choose them, in this order; the last one is for every other task."""
