"""The table of `npm run bench`, and the goals that it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark.load import Figures

DIRECT, GENERATE, CHAT, MESSAGES = "direct", "text-gen /generate", "text-gen /v1/chat", "text-gen /v1/messages"
LITELLM, PORTKEY = "LiteLLM 1.90.0", "Portkey 1.15.2"

_HEAD = """\
                       one client      16 clients  stream, one client      16 clients  64 paced   memory
                       p50     p99   per s     CPU   first      whole   per s     CPU      late       MB\
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured of one gateway: whole responses and streams, by one client and by many; megabytes."""

    single: Figures
    crowd: Figures
    stream: Figures
    streams: Figures
    paced: Figures
    memory: float


@dataclass(slots=True, kw_only=True)
class Run:
    """All figures of one run; times are in seconds.

    `idle` is a route of text-gen that does nothing; `edited` are chats whose streams Python edits.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    idle: Figures
    edited: Figures
    constant: Figures
    first_seconds: float
    cold_seconds: float
    start_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A ratio or a figure of a run, and its bound; `needs` are the rows without which there is none."""

    title: str
    read: Callable[[Run], float]
    at_least: float | None = None
    at_most: float | None = None
    needs: tuple[str, ...] = ()

    def is_reached(self, value: float) -> bool:
        """Return whether the value keeps the bound."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0)


GOALS = (
    Goal(
        title="requests/s of chat, times LiteLLM's",
        read=lambda run: run.rows[CHAT].crowd.per_second / run.rows[LITELLM].crowd.per_second,
        at_least=4,
        needs=(LITELLM,),
    ),
    Goal(
        title="p50 of chat, times LiteLLM's",
        read=lambda run: run.rows[CHAT].single.p50 / run.rows[LITELLM].single.p50,
        at_most=1 / 3,
        needs=(LITELLM,),
    ),
    Goal(
        title="streams/s of chat, handed on, times LiteLLM's",
        read=lambda run: run.rows[CHAT].streams.per_second / run.rows[LITELLM].streams.per_second,
        at_least=8,
        needs=(LITELLM,),
    ),
    Goal(
        title="streams/s of chat, handed on, times Portkey's",
        read=lambda run: run.rows[CHAT].streams.per_second / run.rows[PORTKEY].streams.per_second,
        at_least=1,
        needs=(PORTKEY,),
    ),
    Goal(
        title="p50 of chat, times Portkey's",
        read=lambda run: run.rows[CHAT].single.p50 / run.rows[PORTKEY].single.p50,
        at_most=1.6,
        needs=(PORTKEY,),
    ),
    Goal(
        title="CPU of /generate/stream, ms a frame",
        read=lambda run: (run.rows[GENERATE].streams.cpu or 0) / run.rows[GENERATE].streams.frames,
        at_most=0.2,
    ),
    Goal(
        title="late frames of 64 paced streams, chat, %",
        read=lambda run: run.rows[CHAT].paced.late * 100,
        at_most=0,
    ),
    Goal(
        title="CPU of GET /health, times that of a constant",
        read=lambda run: (run.idle.cpu or 0) / (run.constant.cpu or 1),
        at_most=1.6,
    ),
    Goal(title="first 200 from a snapshot, s", read=lambda run: run.first_seconds, at_most=0.7),
    Goal(title="second `npm start`, whole stack, s", read=lambda run: run.start_seconds, at_most=8),
)


def print_head() -> None:
    """Print the head of the table; times are milliseconds, CPU milliseconds a response, memory MB."""
    print(_HEAD)


def print_row(title: str, row: Row) -> None:
    """Print what was measured of one gateway."""
    print(
        f"{title:<22}{row.single.p50:>6.1f}{row.single.p99:>8.1f}{row.crowd.per_second:>8.0f}{_cpu(row.crowd)}"
        f"{row.stream.first:>8.1f}{row.stream.p50:>11.1f}{row.streams.per_second:>8.0f}{_cpu(row.streams)}"
        f"{row.paced.late:>10.1%}{row.memory:>9.0f}",
        flush=True,
    )


def print_goals(run: Run) -> None:
    """Print each goal that the run can tell of, and what was reached."""
    print(f"\n{'':<50}{'reached':>10}{'wanted':>12}")
    for goal in GOALS:
        if not run.rows.keys() >= set(goal.needs):
            continue
        value = goal.read(run)
        wanted = f"≥ {goal.at_least:.1f}" if goal.at_least is not None else f"≤ {goal.at_most:.2f}"
        print(f"{goal.title:<50}{value:>10.2f}{wanted:>12}{'' if goal.is_reached(value) else '  missed'}")


def _cpu(figures: Figures) -> str:
    return f"{'-' if figures.cpu is None else format(figures.cpu, '.1f'):>8}"
