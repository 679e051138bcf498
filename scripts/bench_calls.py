"""`npm run bench:calls`: count the calls of Python functions that text-gen makes for one response, by part.

The clock of a Worker stands still between two operations of I/O, so a profile of Python has no times; V8's inspector
(CONTRIBUTING.md) has times, but no names of Python functions. Calls are the same in each run and on each machine, but
for those of streams, whose pieces come together by chance, and for what is done for many requests at once. Half of a
request's CPU goes to them; the rest is the crossing to JavaScript, the runtime, and what it does for the request.
"""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import bench
import local
import setup
from benchmark.load import WARMUP, Target, send_load

ENTRY = "wrangler/entry_with_calls.py"
REQUESTS = 200
SETTLING_SECONDS = 1.0
"""What is done after the responses, for many of them at once, is counted as well."""

PARTS = {
    "electrons/middleware/": "middleware",
    "electrons/runtime/": "runtime",
    "electrons/upstream/": "upstream",
    "electrons/": "rest of shared/",
    "text_gen/": "text-gen's own",
    "httpx2/": "httpx2",
    "pydantic/": "pydantic",
    "asyncio/": "event loop",
    "pyodide/": "event loop",
}
OTHERS = "standard library"


def main() -> int:
    """Count and print the table; return the exit status."""
    chat = {"model": f"openai:{bench.MODEL}", "messages": [{"role": "user", "content": bench.QUESTION}]}
    prompt = {"prompt": bench.QUESTION, "model": f"openai:{bench.MODEL}"}
    columns: dict[str, Counter[str]] = {}
    with bench.run_upstream() as upstream, tempfile.TemporaryDirectory() as state:
        local.migrate(Path(state))
        with bench.run_text_gen(Path(state), upstream, main=ENTRY) as (text_gen, _):
            origin = text_gen(url="").url
            columns["/health"] = count(origin, text_gen(url="/health"))
            columns["/v1/chat"] = count(origin, text_gen(url="/v1/chat/completions", body=chat))
            columns["  stream"] = count(origin, text_gen(url="/v1/chat/completions", body=chat).streamed)
            columns["/generate"] = count(origin, text_gen(url="/generate", body=prompt))
            columns["   stream"] = count(origin, text_gen(url="/generate/stream", body=prompt).streamed)
    print_table(columns)
    return 0


def count(origin: str, target: Target) -> Counter[str]:
    """Return the calls for one response, by part."""
    send_load(target, requests=REQUESTS, clients=bench.CLIENTS)
    time.sleep(SETTLING_SECONDS)
    read(f"{origin}/_calls?do=begin")
    send_load(target, requests=REQUESTS, clients=bench.CLIENTS)
    time.sleep(SETTLING_SECONDS)
    counts: Counter[str] = Counter()
    for file, calls in read(f"{origin}/_calls?do=end").items():
        part = next((part for folder, part in PARTS.items() if f"/{folder}" in file), OTHERS)
        counts[part] += calls
    return Counter({part: round(calls / (REQUESTS + WARMUP)) for part, calls in counts.items()})


def read(url: str) -> Mapping[str, int]:
    """Return the JSON at a URL of the worker."""
    with urllib.request.urlopen(url) as response:  # noqa: S310  # our own worker
        answer: Mapping[str, int] = json.load(response)
        return answer


def print_table(columns: Mapping[str, Counter[str]]) -> None:
    """Print the parts, and their sum."""
    print(" " * 17 + "".join(f"{title:>11}" for title in columns))
    for part in dict.fromkeys([*PARTS.values(), OTHERS]):
        print(f"{part:17}" + "".join(f"{counts[part]:11}" for counts in columns.values()))
    print(f"{'together':17}" + "".join(f"{counts.total():11}" for counts in columns.values()))


if __name__ == "__main__":
    setup.run_script(main)
