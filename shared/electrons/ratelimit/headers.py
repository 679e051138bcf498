"""The header fields that tell a caller its limits: `RateLimit-Policy`, `RateLimit` and `Retry-After`.

The first two follow draft-ietf-httpapi-ratelimit-headers-11
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/), as Lists of Structured Fields (RFC
9651); `Retry-After` is RFC 9110, section 10.2.3, in seconds.

    RateLimit-Policy: "requests";q=100;w=60, "tokens";q=1000000;qu="tokens";w=60
    RateLimit: "requests";r=42;t=1, "tokens";r=90000;t=1

`t`, the effective window, is "the number of seconds within which the client can use no more than the available
quota" (section 4.1.2), not the time until everything is back. Under GCRA that is until one more unit is there:
with `r=0`, after `t` seconds a request of one unit is worth trying.

A deployment's limits are written in the same syntax as they are sent (`parse_policies`). `qu` is the unit, "requests"
where it is left out. `de-burst` is the burst where it is not the quota: the draft has no parameter for it, and
leaves names that begin with the vendor to the server.
"""

import re
from collections.abc import Sequence

from electrons.ratelimit.gcra import Policy, ServiceLimit

_STRING = r'"((?:[ !#-\[\]-~]|\\["\\])*)"'  # RFC 9651, section 3.3.3
_PARAMETER = re.compile(rf"; *(?:(q|w|de-burst)=([0-9]{{1,15}})|qu={_STRING})")
_QUOTA_POLICY = re.compile(rf"[ \t]*{_STRING}((?:{_PARAMETER.pattern})*)[ \t]*(?:,(?=[ \t]*\")|$)")


def parse_policies(text: str) -> tuple[Policy, ...]:
    """Read the value of a `RateLimit-Policy` field as the deployment's own limits.

    Stricter than the draft, where unknown parameters are comments: here one is a mistake. Raises `ValueError` that
    says where, also for a policy without `q` or `w`, with numbers that `Policy` refuses, or named twice.
    """
    policies: dict[str, Policy] = {}
    rest = text.strip(" ")
    while rest:
        match = _QUOTA_POLICY.match(rest)
        if match is None:
            raise ValueError(f'not a quota policy such as `"requests";q=100;w=60`: {rest}')
        name = _unescape(match[1])
        parameters = list(_PARAMETER.finditer(match[2]))
        numbers = {parameter[1]: int(parameter[2]) for parameter in parameters if parameter[1]}
        units = [_unescape(parameter[3]) for parameter in parameters if not parameter[1]]
        if not {"q", "w"} <= numbers.keys():
            raise ValueError(f"the policy {name!r} needs both `q`, the quota, and `w`, the window in seconds")
        if name in policies:
            raise ValueError(f"two policies have the name {name!r}")
        unit = units[-1] if units else "requests"
        policies[name] = Policy(name, numbers["q"], numbers["w"], numbers.get("de-burst"), unit)
        rest = rest[match.end() :]
    return tuple(policies.values())


def rate_limit_headers(
    limits: Sequence[ServiceLimit], *, retry_after_seconds: int | None = None
) -> list[tuple[str, str]]:
    """Write the fields for the `limits` of a `Decision` or a `Settlement`, as (name, value) pairs.

    `retry_after_seconds` is the decision's: with it there is a `Retry-After`.
    """
    headers: list[tuple[str, str]] = []
    if limits:  # RFC 9651, section 4.1: an empty List is not sent at all
        quota_policies = [_quota_policy(limit.policy) for limit in limits]
        service_limits = [_service_limit(limit, retry_after_seconds) for limit in limits]
        headers += [("RateLimit-Policy", ", ".join(quota_policies)), ("RateLimit", ", ".join(service_limits))]
    if retry_after_seconds is not None:
        headers.append(("Retry-After", str(retry_after_seconds)))
    return headers


def _quota_policy(policy: Policy) -> str:
    unit = "" if policy.unit == "requests" else f";qu={quote(policy.unit)}"
    burst = "" if policy.burst is None else f";de-burst={policy.burst}"
    return f"{quote(policy.name)};q={policy.quota}{unit};w={policy.window_seconds}{burst}"


def _service_limit(limit: ServiceLimit, retry_after_seconds: int | None) -> str:
    window = limit.effective_window_seconds
    if retry_after_seconds is not None:
        # Section 6: `Retry-After` should not point before the end of an effective window. A policy that did
        # not refuse may have a longer one; what is true of the whole of it is true of its beginning.
        window = min(window, retry_after_seconds)
    return f"{quote(limit.policy.name)};r={limit.remaining};t={window}"


def quote(text: str) -> str:
    """Write a String with its quotes (RFC 9651, section 4.1.6); `Policy` has seen to it that it is printable ASCII."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
