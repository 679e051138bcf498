"""The main module of rate-limiter in test_rate_limiter_state.py: what it keeps of idle callers lives for half a second.

It takes the place of `entry.py` by the option `main` of wrangler/stack.mjs, and lies outside of what is uploaded.
"""

from __future__ import annotations

import importlib
from typing import Any

from electrons.ratelimit import ledger
from electrons.runtime import rate_limiter

for _module in (ledger, rate_limiter):
    vars(_module)["RESERVATION_LIFE_MS"] = 500

entry: Any = importlib.import_module("entry")

on_fetch = entry.on_fetch
RateLimiter = entry.RateLimiter
