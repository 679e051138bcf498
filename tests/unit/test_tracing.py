"""W3C Trace Context: what is continued, what begins a trace, and where it goes."""

import httpx2
import pytest

from electrons.app import App
from electrons.settings import Secret
from electrons.testing import TestClient
from electrons.tracing import Trace, continue_trace
from text_gen.routes import app as text_gen
from text_gen.settings import TextSettings

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"


def test_header_when_valid_then_same_trace_and_new_span() -> None:
    trace = continue_trace(HEADER)

    assert (trace.trace_id, trace.flags) == (TRACE, "01")
    assert trace.span_id != SPAN
    assert Trace.parse(trace.header) == trace


@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_flag_of_recording_is_passed_on_and_others_are_not(flags: str) -> None:
    trace = continue_trace(f"00-{TRACE}-{SPAN}-{flags}")

    assert trace.flags == ("00" if flags == "00" else "01")


def test_header_of_a_later_version_is_read_as_far_as_known() -> None:
    assert continue_trace(f"cc-{TRACE}-{SPAN}-01-what-comes").trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-0",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-\u0660\u0661",
        f"00-{TRACE}-{SPAN}-01\n",
    ],
)
def test_header_when_not_valid_then_a_new_trace(header: str | None) -> None:
    trace = continue_trace(header)

    assert trace.trace_id not in {TRACE, "0" * 32}
    assert Trace.parse(trace.header) == trace


async def test_provider_and_log_get_the_trace_of_the_request() -> None:
    sent: list[str] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers["traceparent"])
        return httpx2.Response(500, json={})

    settings = TextSettings(auth_mode="open", max_retries=1, declared={"OPENAI_API_KEY": Secret("key-1")})
    client = TestClient(text_gen, settings=settings, http=httpx2.MockTransport(respond))

    response = await client.request(
        "POST", "/generate", json={"prompt": "Hi", "model": "openai:x"}, headers={"traceparent": HEADER}
    )

    (line,) = [line for line in response.log if line["event"] == "request"]
    assert {Trace.parse(header) for header in sent} == {Trace(trace_id=line["trace_id"], span_id=line["span_id"])}
    assert line["trace_id"] == TRACE


async def test_request_without_a_header_begins_a_trace() -> None:
    client = TestClient(App("tracer"))

    logs = [(await client.request("GET", "/health")).log for _ in range(2)]

    assert len({line["trace_id"] for log in logs for line in log}) == 2
