"""`npm run bench`: measure text-gen beside a direct call and, with `-- --peers`, beside LiteLLM and Portkey.

Everything is on in text-gen: the key is checked, limits and budgets apply, usage rows and log lines are written. There
is no development proxy in front. The upstream answers at once with what the emulators said (benchmark/upstream.mjs), so
that the gateway is what is measured. Absolute numbers depend on the machine; compare those of one run.

`--peers` installs the other gateways into `.cache/benchmark` the first time. CPU is that of the gateway's processes;
text-gen's includes the rate limiter's Durable Object and D1, which share one thread of workerd with it here. Streams of
chats report their usage, except those of a line of their own: text-gen has to edit a stream that does not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import keys
import local
import setup
from benchmark import peers, table
from benchmark.load import Target, send_load
from benchmark.processes import measure_workerd
from database import LocalDatabase
from progress import Progress

PLENTY = '"requests";q=100000000;w=60, "tokens";q=100000000000;qu="tokens";w=60'
CLIENTS = 16
PACED_CLIENTS = 64
FRAME_MS = 20
MODEL, CLAUDE = "gpt-4o-mini", "claude-sonnet-4-6"
QUESTION = "Hello"
PACED_QUESTION = f"Repeat in steady time: {' '.join(f'word {number}' for number in range(60))}"
START_PORT_BASE = "18000"
CONSTANT = "scripts/benchmark/constant.py"


def main() -> int:
    """Measure everything and print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="npm run bench --")
    parser.add_argument("--peers", action="store_true", help="measure LiteLLM and Portkey as well")
    parser.add_argument("--requests", type=int, default=1000, help="how many 16 clients send of each kind (1000)")
    options = parser.parse_args()
    if options.peers:
        peers.install(Progress("bench"))
    with run_upstream() as upstream, tempfile.TemporaryDirectory() as state:
        local.migrate(Path(state))
        run = measure_all(Path(state), upstream, with_peers=options.peers, requests=options.requests)
    edited = run.edited
    print(f"\nchats whose streams are edited: {edited.per_second:.0f} per s, {edited.cpu or 0:.1f} ms of CPU each")
    print(f"first 200: {run.first_seconds:.2f} s after workerd started, {run.cold_seconds:.2f} s without a snapshot")
    table.print_goals(run)
    return 0


def measure_all(state: Path, upstream: str, *, with_peers: bool, requests: int) -> table.Run:
    """Measure one gateway after the other, print its row, and return all figures."""
    rows: dict[str, table.Row] = {}

    def add(title: str, target: Target, streams: Target | None = None) -> None:
        rows[title] = measure_gateway(target, streams or target, requests=requests)
        table.print_row(title, rows[title])

    openai = f"{upstream}/openai/v1"
    chat = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]}
    messages = {"model": CLAUDE, "max_tokens": 1000, "messages": chat["messages"]}
    prompt = {"prompt": QUESTION, "model": f"openai:{MODEL}"}
    table.print_head()
    bearer = {"Authorization": "Bearer emulated"}
    add(table.DIRECT, Target(url=f"{openai}/chat/completions", body=chat, headers=bearer))
    with run_text_gen(state, upstream) as (text_gen, first_seconds):
        idle = send_load(text_gen(url="/health"), clients=CLIENTS, requests=requests)
        add(
            table.GENERATE,
            text_gen(url="/generate", body=prompt),
            text_gen(url="/generate/stream", body=prompt),
        )
        whole = text_gen(url="/v1/chat/completions", body={**chat, "model": f"openai:{MODEL}"})
        add(table.CHAT, whole, whole.counted)
        send_load(whole.streamed, clients=CLIENTS, requests=requests)
        edited = send_load(whole.streamed, clients=CLIENTS, requests=requests)
        add(table.MESSAGES, text_gen(url="/v1/messages", body=messages))
    if with_peers:
        with peers.run_litellm(openai, model=MODEL, body=chat) as target:
            add(table.LITELLM, target, target.counted)
        with peers.run_portkey(openai, body=chat) as target:
            add(table.PORTKEY, target, target.counted)
    with run_text_gen(state, upstream, main=CONSTANT) as (text_gen, _):
        constant = send_load(text_gen(url="/"), clients=CLIENTS, requests=requests)
    with run_text_gen(state, upstream, snapshot=False) as (_, cold_seconds):
        pass
    return table.Run(
        rows=rows,
        idle=idle,
        edited=edited,
        constant=constant,
        first_seconds=first_seconds,
        cold_seconds=cold_seconds,
        start_seconds=time_second_start(),
    )


def measure_gateway(target: Target, streams: Target, *, requests: int) -> table.Row:
    """Send whole responses, then streams: by 16 clients, by one, and paced ones by 64.

    Before each kind, as many are sent that are not counted: runtimes compile while they work. The times of one client
    are measured last, when they have done that.
    """
    paced = streams.ask(PACED_QUESTION)
    send_load(target, clients=CLIENTS, requests=requests)
    crowd = send_load(target, clients=CLIENTS, requests=requests)
    single = send_load(target, requests=requests // 2)
    send_load(streams.streamed, clients=CLIENTS, requests=requests)
    return table.Row(
        single=single,
        crowd=crowd,
        streams=send_load(streams.streamed, clients=CLIENTS, requests=requests),
        stream=send_load(streams.streamed, requests=requests // 2),
        paced=send_load(paced.streamed, clients=PACED_CLIENTS, requests=2 * PACED_CLIENTS, frame_ms=FRAME_MS),
        memory=target.measure().memory_mb if target.measure else 0,
    )


@contextmanager
def run_upstream() -> Iterator[str]:
    """Run the emulators and what repeats their answers; yield its origin."""
    emulators = local.start_emulators(0)
    try:
        base_url = emulators.wait_until_ready()["base_urls"]["openai"]
        emulators.drain()
        options = {"emulator": base_url.rsplit("/", 2)[0], "frame_ms": FRAME_MS}
        upstream = local.Part("upstream", [str(setup.NODE), "scripts/benchmark/upstream.mjs", json.dumps(options)])
        try:
            yield upstream.wait_until_ready()["url"]
        finally:
            upstream.stop()
    finally:
        emulators.stop()


@contextmanager
def run_text_gen(
    state: Path, upstream: str, *, main: str | None = None, snapshot: bool = True
) -> Iterator[tuple[Callable[..., Target], float]]:
    """Run text-gen and rate-limiter until the block ends; yield what makes a target of a path, and the start's seconds.

    `main` is another main module for text-gen.
    """
    key, _ = keys.create(LocalDatabase(state), environment="test", name="bench", owner="bench", scopes=["text"])
    base_urls = {"openai": f"{upstream}/openai/v1", "anthropic": f"{upstream}/anthropic"}
    options = {
        "state": str(state),
        "workers": ["rate-limiter", "text-gen"],
        "vars": {"*": {"RATE_LIMIT_POLICY": PLENTY, **local.emulated_vars(base_urls)}},
        "main": {"text-gen": main} if main else {},
        "snapshot": snapshot,
        "warm": main is None,
    }
    workers = local.start_workers(options)
    try:
        ready = workers.wait_until_ready()
        workers.drain()
        origin = ready["workers"]["text-gen"]
        measure = partial(measure_workerd, workers.process.pid)

        def aim(*, url: str, body: Mapping[str, Any] | None = None) -> Target:
            return Target(url=origin + url, body=body, headers={"Authorization": f"Bearer {key}"}, measure=measure)

        yield aim, ready["boot_ms"] / 1000
    finally:
        workers.stop()


def time_second_start() -> float:
    """Return the seconds that `npm start` takes until the platform is ready, after it has run once."""
    environment = {**os.environ, "DE_PORT_BASE": START_PORT_BASE}
    command = [str(setup.PYTHON), "scripts/start.py"]
    for _ in range(2):
        started = time.monotonic()
        with subprocess.Popen(command, cwd=setup.ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            output = process.stdout or ()
            next(line for line in output if "is ready" in line)
            seconds = time.monotonic() - started
            process.terminate()
            deque(output, maxlen=0)
    return seconds


if __name__ == "__main__":
    setup.run_script(main)
