"""The headers that say which model answered, after how many calls, and what it cost."""

from __future__ import annotations

import re
import time

from electrons.context import Context
from electrons.http import HeaderPairs, Response
from electrons.upstream.prices import estimate_cost

_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")


def describe_call(context: Context, response: Response) -> HeaderPairs:
    """Return what answered and what it cost; the cost of a stream is not known when its headers go out."""
    if context.usage is None:
        return []
    usage = context.usage.checked()
    overhead_seconds = max(0.0, time.monotonic() - context.started - context.upstream_seconds)
    headers = [
        ("X-DE-Provider", _NOT_PRINTABLE.sub("?", usage.provider)),
        ("X-DE-Model", _NOT_PRINTABLE.sub("?", usage.model)),
        ("X-DE-Attempts", str(context.attempts)),
        ("X-DE-Overhead-Ms", str(round(overhead_seconds * 1000))),
    ]
    is_whole = response.body is None or isinstance(response.body, str | bytes)
    if is_whole and (cost := estimate_cost(usage, context.settings.own_prices)):
        headers.append(("X-DE-Cost", f"{cost.microusd / 1e6:.6f}"))
    return headers
