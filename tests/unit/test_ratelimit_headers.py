"""The rate-limit header fields, with the examples of draft-ietf-httpapi-ratelimit-headers-11 where it has them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrons.ratelimit.gcra import Policy, ServiceLimit, reserve
from electrons.ratelimit.headers import parse_policies, rate_limit_headers


def limit(policy: Policy, remaining: int, window: int) -> ServiceLimit:
    return ServiceLimit(policy, remaining, effective_window_seconds=window, reset_seconds=window)


@pytest.mark.parametrize(
    ("service_limit", "rate_limit_policy", "rate_limit"),
    [
        # 4 and 3.2; the partition keys of the examples are left out
        (
            limit(Policy("default", 100, 10), 50, 30),
            '"default";q=100;w=10',
            '"default";r=50;t=30',
        ),
        # B.1.3 and B.2.1
        (limit(Policy("basic", 100, 60), 60, 58), '"basic";q=100;w=60', '"basic";r=60;t=58'),
        (
            limit(Policy("fixedwindow", 100, 60), 99, 50),
            '"fixedwindow";q=100;w=60',
            '"fixedwindow";r=99;t=50',
        ),
        # 4.2: 300 MB for an application in the next 60 seconds
        (
            limit(Policy("default", 300_000_000, 60, unit="content-bytes"), 300_000_000, 60),
            '"default";q=300000000;qu="content-bytes";w=60',
            '"default";r=300000000;t=60',
        ),
        # The policy of 3.2
        (limit(Policy("peruser", 100, 60), 99, 1), '"peruser";q=100;w=60', '"peruser";r=99;t=1'),
    ],
)
def test_headers_when_examples_of_the_draft_then_match(
    service_limit: ServiceLimit, rate_limit_policy: str, rate_limit: str
) -> None:
    assert rate_limit_headers([service_limit]) == [
        ("RateLimit-Policy", rate_limit_policy),
        ("RateLimit", rate_limit),
    ]


def test_headers_when_several_policies_then_one_list_each() -> None:
    limits = [
        limit(Policy("burst", 100, 60), 45, 30),
        limit(Policy("daily", 1000, 86_400), 850, 87),
    ]
    # RFC 9651, section 4.1.1, writes a space after the comma; the draft's examples leave it out, which parses the same.
    assert rate_limit_headers(limits) == [
        ("RateLimit-Policy", '"burst";q=100;w=60, "daily";q=1000;w=86400'),
        ("RateLimit", '"burst";r=45;t=30, "daily";r=850;t=87'),
    ]


def test_headers_when_the_unit_is_not_requests_then_name_it() -> None:
    headers = dict(rate_limit_headers([limit(Policy("tokens", 1_000_000, 60, unit="tokens"), 90_000, 1)]))
    assert headers["RateLimit-Policy"] == '"tokens";q=1000000;qu="tokens";w=60'


def test_headers_when_refused_then_retry_after_covers_windows() -> None:
    policies = [Policy("requests", 100, 3600), Policy("tokens", 1000, 60, unit="tokens")]
    used = reserve(policies, {}, costs={"requests": 1, "tokens": 1000}, now=0)
    refusal = reserve(policies, used.states, costs={"requests": 1, "tokens": 100}, now=0)
    assert rate_limit_headers(refusal.limits, retry_after_seconds=refusal.retry_after_seconds) == [
        ("RateLimit-Policy", '"requests";q=100;w=3600, "tokens";q=1000;qu="tokens";w=60'),
        ("RateLimit", '"requests";r=99;t=6, "tokens";r=0;t=1'),
        ("Retry-After", "6"),
    ]


def test_headers_when_request_is_impossible_then_no_retry_after() -> None:
    refusal = reserve([Policy("requests", 100, 3600)], {}, costs={"requests": 101}, now=0)
    headers = rate_limit_headers(refusal.limits, retry_after_seconds=refusal.retry_after_seconds)
    assert [name for name, _ in headers] == ["RateLimit-Policy", "RateLimit"]


def test_headers_when_name_has_quotes_or_backslash_then_escaped() -> None:
    headers = dict(rate_limit_headers([limit(Policy(r"a \"b\"", 1, 1), 1, 1)]))
    assert headers["RateLimit"] == r'"a \\\"b\\\"";r=1;t=1'


def test_headers_when_there_are_no_limits_then_no_empty_list() -> None:
    assert rate_limit_headers([]) == []
    assert rate_limit_headers([], retry_after_seconds=5) == [("Retry-After", "5")]


TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=8)
NUMBERS = st.integers(1, 10**15 - 1)
POLICIES = st.builds(Policy, TEXTS, NUMBERS, NUMBERS, st.none() | NUMBERS, TEXTS)


@settings(deadline=None, derandomize=True)
@given(st.lists(POLICIES, min_size=1, max_size=4, unique_by=lambda policy: policy.name))
def test_parse_policies_of_what_was_sent_then_are_the_same(policies: list[Policy]) -> None:
    headers = dict(rate_limit_headers([limit(policy, 1, 1) for policy in policies]))
    assert parse_policies(headers["RateLimit-Policy"]) == tuple(policies)


def test_parse_policies_of_the_drafts_examples_then_read_them() -> None:
    assert parse_policies('"burst";q=100;w=60,"daily";q=1000;w=86400') == (
        Policy("burst", 100, 60),
        Policy("daily", 1000, 86_400),
    )
    assert parse_policies('"peruser";q=65535;qu="content-bytes";w=10') == (
        Policy("peruser", 65_535, 10, unit="content-bytes"),
    )


def test_parse_policies_when_a_burst_is_given_then_holds_it() -> None:
    assert parse_policies(' "requests";q=100; w=60;de-burst=20 ') == (Policy("requests", 100, 60, burst=20),)


def test_parse_policies_when_there_are_none_then_is_empty() -> None:
    assert parse_policies("") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("requests;q=100;w=60", "not a quota policy"),
        ('"requests";q=100;w=60,', "not a quota policy"),
        ('"requests";q=100;w=60 "tokens";q=1;w=1', "not a quota policy"),
        ('"requests";q=100;w=60;brust=5', "not a quota policy"),
        ('"requests";q=-1;w=60', "not a quota policy"),
        ('"requests";q="100";w=60', "not a quota policy"),
        ('"requests";q=100', "needs both"),
        ('"requests";w=60', "needs both"),
        ('"requests";q=0;w=60', "from 1 to 15 digits"),
        ('"a";q=1;w=1, "a";q=2;w=2', "two policies"),
    ],
)
def test_parse_policies_when_malformed_then_raises_with_reason(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_policies(text)
