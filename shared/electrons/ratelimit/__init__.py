"""Rate limits: the algorithm (`gcra`, pure) and the header fields that report it (`headers`).

`reserve` charges an estimate to every policy or to none, `settle` puts the real cost in its place, and
`rate_limit_headers` reports either of them:

>>> policies = parse_policies('"requests";q=100;w=60, "tokens";q=1000000;qu="tokens";w=60')
>>> decision = reserve(policies, {}, costs={"requests": 1, "tokens": 2000}, now=0)
>>> actual = {"tokens": 812}
>>> settlement = settle(policies, decision.states, reservation=decision.reservation, actual=actual, now=100)
>>> [limit.remaining for limit in settlement.limits]
[99, 1000000]
"""

from electrons.ratelimit.gcra import Decision, Hold, Policy, ServiceLimit, Settlement, State, reserve, settle
from electrons.ratelimit.headers import parse_policies, rate_limit_headers

__all__ = [
    "Decision",
    "Hold",
    "Policy",
    "ServiceLimit",
    "Settlement",
    "State",
    "parse_policies",
    "rate_limit_headers",
    "reserve",
    "settle",
]
