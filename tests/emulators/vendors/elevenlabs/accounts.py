"""ElevenLabs' accounts: what a key may do, and what it has used.

Any key that is not empty nor starts with `invalid` is on the Business plan. One that starts with `free`, `starter`,
`creator` or `pro` is on that plan; with `broke`, it has no credits left; with `restricted`, it may not see the
subscription.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from ...vendor import Call
from .answers import refusal
from .catalogue import BUSINESS, PLANS, Plan


@dataclass(slots=True)
class Account:
    """A key's subscription: credits used since the start, and requests under way by concurrency group."""

    plan: Plan
    used: int = 0
    active: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def speaking(self, group: str, cost: int) -> Iterator[int]:
        """Counts a request among those under way, and then its cost; yields how many of its group there are."""
        with _lock:
            active = self.active[group] = self.active.get(group, 0) + 1
        try:
            yield active
        finally:
            with _lock:
                self.active[group] -= 1
                self.used += cost


_accounts: dict[str, Account] = {}
_lock = Lock()


def account_of(call: Call) -> Account:
    """The account of the key in `xi-api-key`; refuses as the vendor does where there is none."""
    key = call.headers.get("xi-api-key", "")
    if not key and "authorization" in call.headers:
        raise refusal(
            401,
            "Provided authorization header was invalid.",
            code="unauthorized",
            status="invalid_authorization_header",
        )
    if not key:
        message = "Neither authorization header nor xi-api-key received, please provide one."
        raise refusal(401, message, code="unauthorized", status="needs_authorization")
    if key.startswith("invalid"):
        raise refusal(401, "Invalid API key", code="unauthorized")
    plan = next((plan for start, plan in PLANS.items() if key.startswith(start)), BUSINESS)
    with _lock:
        return _accounts.setdefault(key, Account(plan))
