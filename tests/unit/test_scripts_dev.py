"""The options that `npm run dev` passes to wrangler."""

import dev

CONFIG = {"compatibility_flags": ["python_workers"]}


def test_options_when_a_worker_has_a_port_then_flags_and_port() -> None:
    assert dev.wrangler_options(CONFIG, port=8788, arguments=["--test-scheduled"]) == [
        "--compatibility-flags",
        "python_workers",
        "--compatibility-flags",
        "python_workers_development",
        "--compatibility-flags",
        "experimental",
        "--var",
        "AUTH_MODE:open",
        "--port",
        "8788",
        "--test-scheduled",
    ]


def test_options_when_another_port_is_named_then_only_that() -> None:
    for arguments in (["--port", "9999"], ["--port=9999"]):
        options = dev.wrangler_options(CONFIG, port=8788, arguments=arguments)

        assert "8788" not in options
        assert options[-len(arguments) :] == arguments


def test_options_when_a_worker_has_no_port_then_none_is_given() -> None:
    assert "--port" not in dev.wrangler_options(CONFIG, port=None, arguments=[])
