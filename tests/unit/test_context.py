"""What a request carries."""

from electrons.app import App
from electrons.testing import TestClient
from electrons.usage import Usage


def test_new_context_has_no_caller_and_no_usage() -> None:
    context = TestClient(App("worker")).create_context("GET", "/")

    assert context.principal.id == "unknown"
    assert context.usage is None
    assert context.deferred == []
    assert context.elapsed_ms() >= 0


def test_contexts_when_two_then_they_share_nothing() -> None:
    client = TestClient(App("worker"))
    one, other = client.create_context("GET", "/"), client.create_context("GET", "/")

    one.headers.append(("X-One", "1"))
    one.labels.project_id = "one"

    assert (other.headers, other.labels.project_id) == ([], None)


def test_usage_when_summed_then_input_and_output() -> None:
    assert Usage(provider="openai", model="gpt-6-luna", input_units=3, output_units=4).total_units == 7
