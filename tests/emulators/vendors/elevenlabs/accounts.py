"""ElevenLabs' accounts: the plan of a key and its use.

Every key is on the Business plan unless it is empty or starts with `invalid`. A key that starts with `free`, `starter`,
`creator` or `pro` is on that plan; `broke` has no credits left; `restricted` may not read the subscription.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from ...vendor import Call
from .catalogue import BUSINESS, PLANS, Plan
from .http import refusal


@dataclass(slots=True)
class Account:
    """A key's subscription: credits used since the start, and running requests by concurrency group."""

    plan: Plan
    used: int = 0
    active: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def count_request(self, group: str, cost: int) -> Iterator[int]:
        """Count a running request, yield how many of its group are running, and add its cost at the end."""
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
    """Return the account of the key in `xi-api-key`. Raises `Refusal` with 401."""
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
