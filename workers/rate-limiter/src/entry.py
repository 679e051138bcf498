"""The entry point of rate-limiter: its Durable Object, and `GET /health`."""

from electrons.app import App
from electrons.runtime.entrypoint import create_handlers
from electrons.runtime.rate_limiter import create_rate_limiter

RateLimiter = create_rate_limiter()
on_fetch, on_scheduled = create_handlers(App("rate-limiter"))
