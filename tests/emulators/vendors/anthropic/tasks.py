"""The scripts for the tools of sandbox-executor: each task is a script, each step a turn.

Words in the task, which is the first paragraph of the user's first message, select the script; the first match wins.
Scripts do not apply to requests that offer none of their tools (`scripts.py`).

A step has a text and tool calls. The next turn is the next step unless `then` or `if_failed` says how many steps to go
instead; negative numbers go back. After the last step the model only says that the script has ended.

Placeholders in texts and inputs:
`{{words}}` the first words of the task, `{{quoted}}` the part of it in backticks, `{{heading}}` the first Markdown
heading in a tool's result, `{{failures}}` the number of failed results, `{{turn}}` the number of the turn, and
`{{filler}}` more characters than the request's `max_tokens` allow.
"""

from collections.abc import Mapping

from ...scripts import Script, Step, Use


def say(text: str, *uses: Use, then: int = 1, if_failed: int | None = None, refuses: bool = False) -> Step:
    """Return a step; `if_failed` defaults to `then`."""
    return Step(text, uses, then, then if if_failed is None else if_failed, refuses)


def write(path: str, content: str) -> Use:
    """Return the call that writes a file."""
    return Use("write_file", {"path": path, "content": content})


def edit(path: str, old: str, new: str) -> Use:
    """Return the call that replaces text in a file."""
    return Use("edit_file", {"path": path, "old": old, "new": new})


def read(path: str) -> Use:
    """Return the call that reads a file."""
    return Use("read_file", {"path": path})


def delete(path: str) -> Use:
    """Return the call that deletes a file."""
    return Use("delete_file", {"path": path})


def get(*paths: str) -> Use:
    """Return the call that sends GET requests to the Worker."""
    return Use("run", {"requests": [{"method": "GET", "path": path} for path in paths]})


def finish(summary: str, main: str | None = None) -> Use:
    """Return the call that ends the task."""
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

SCRIPTS: Mapping[str, Script] = {
    "python greeter": (
        say("I will write a greeter in Python.", write("src/entry.py", PYTHON_GREETER)),
        say("I will check it.", CHECK),
        say("The greeter is ready.", finish("A Python Worker that greets", "src/entry.py")),
    ),
    "greeter": (
        say("I will write a greeter.", write(MAIN, GREETER)),
        say("I will check it.", CHECK),
        say("I will send it two requests.", get("/hello/Ada", "/nobody")),
        say("The greeter works.", finish("A Worker that greets", MAIN)),
    ),
    "counter that throws": (
        say("I will write a counter.", write(MAIN, COUNTER)),
        say("I will send it a request.", get("/")),
        say(
            "It throws an error, which I will correct.",
            edit(MAIN, 'throw new Error("the counter is broken");', "return Response.json({ count });"),
        ),
        say("I will send it another request.", get("/")),
        say("The counter works.", finish("A Worker that counts", MAIN)),
    ),
    "never works": (
        say("I will make another attempt.", write(MAIN, THROWING)),
        say("I will send it a request.", get("/"), if_failed=-1),
        say("The request succeeded.", finish("A Worker that throws", MAIN), then=-2),
    ),
    "endless loop": (
        say("I will write a Worker.", write(MAIN, ENDLESS)),
        say("I will send it a request.", get("/")),
        say("It does not respond, so I will rewrite it.", write(MAIN, ANSWERING)),
        say("I will send it another request.", get("/")),
        say("It responds now.", finish("A Worker that ends", MAIN)),
    ),
    "wanders": (say("I will list the files.", LIST, then=0),),
    "rename the title": (
        say("I will list the files.", LIST),
        say("I will read the title.", read("README.md")),
        say("I will replace it.", edit("README.md", "# This heading is in no file", "# {{quoted}}")),
        say(
            "That heading does not exist; I will use the one in the file.",
            edit("README.md", "{{heading}}", "# {{quoted}}"),
        ),
        say("The title is replaced.", finish("The README has a new title")),
    ),
    "delete": (
        say("I will list the files.", LIST),
        say("I will delete the file.", delete("{{quoted}}")),
        say("The file is deleted.", finish("One file is deleted")),
    ),
    "escape": (
        say("I will write outside the folder.", write("../evil.txt", "emulated evil")),
        say("I will write to an absolute path.", write("/etc/passwd", "emulated evil")),
        say("I will write to the git folder.", write(".git/config", "emulated evil")),
        say("I will write a workflow.", write(".github/workflows/ci.yml", "emulated evil")),
        say("I have tried all four.", finish("{{failures}} of 4 writes were refused")),
    ),
    "refuse": (say("An emulated model declines.", refuses=True),),
    "only text": (say("An emulated model only talks: {{words}}"),),
    "long answer": (
        say("I will write a long file.", write(MAIN, LONG)),
        say("I will write a shorter one.", write(MAIN, ANSWERING)),
        say("The file is written.", finish("A Worker that is shorter", MAIN)),
    ),
    "two at once": (
        say("I will write two files.", write(MAIN, ANSWERING), write("README.md", "# Written by an emulated model\n")),
        say("I will check both.", CHECK, get("/")),
        say("Both files are written.", finish("Two files", MAIN)),
    ),
    "unknown tool": (
        say("I will use a tool that was not offered.", Use("search_the_web", {"query": "{{words}}"}, invents=True)),
        say("I will finish without it.", finish("Nothing was done")),
    ),
    "": (
        say("I will write a Worker.", write(MAIN, ANSWERING)),
        say("I will check it.", CHECK),
        say("I will send it a request.", get("/")),
        say("The Worker responds.", finish("A Worker that answers every path with the first words of the task", MAIN)),
    ),
}
"""The scripts by the words that select them, in this order; the last one is for every other task."""
