"""Cloudflare's wire format."""

import email.policy
import json
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest

from electrons.errors import (
    DeploymentFailedError,
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
)
from electrons.providers.cloudflare.provider import (
    CloudflareError,
    CloudflareProvider,
    Live,
    Module,
    Script,
    Uploaded,
    WorkersDev,
)
from electrons.upstream.provider import ProviderRequest
from tests.providers.cases import Case, Cases
from tests.providers.cloudflare_account import deployments, envelope, refusal, upload_of

PROVIDER = CloudflareProvider()
SCRIPT = Script("account-1", "hello")


NEEDED = {
    *("success", "result", "result.deployments", "result.deployments[]"),
    *("result.deployments[].versions", "result.deployments[].versions[]"),
    *("result.deployments[].versions[].version_id", "result.deployments[].versions[].percentage"),
}

CASES: Cases = {
    "deployment": {
        "success": Case(body=deployments({"v2": 100}, {"v1": 100}), needed=NEEDED, expected=Live({"v2": 100.0})),
        "two versions": Case(body=deployments({"v2": 10, "v1": 90}), expected=Live({"v2": 10.0, "v1": 90.0})),
        "no deployment": Case(body=deployments(), expected=None),
        "no such Worker": Case(status=404, body=refusal(10007, "This Worker does not exist"), expected=None),
        "no success": Case(body=refusal(10013, "unknown"), expected=CloudflareError),
        "no success because of the rate": Case(body=refusal(971, "Slow down"), expected=ProviderRateLimitError),
        "no success because of the token": Case(body=refusal(9109, "Invalid token"), expected=ProviderAuthError),
        "no success because there is no such Worker": Case(body=refusal(10007, "None"), expected=None),
        "no success and no reason": Case(body={"success": False}, expected=CloudflareError),
        "no versions": Case(body=deployments({}), expected=ProviderError),
        "another shape": Case(body=envelope([]), expected=ProviderError),
        "a share above 100": Case(body=deployments({"v1": 1e15}), expected=ProviderError),
        "400": Case(status=400, body=refusal(10021, "no"), expected=CloudflareError),
        "404 of something else": Case(status=404, body=refusal(7003, "no route"), expected=CloudflareError),
        "400 for a token that is none": Case(status=400, body=refusal(6003, "Invalid"), expected=ProviderAuthError),
        "401": Case(status=401, body=refusal(10000, "Authentication error"), expected=ProviderAuthError),
        "402": Case(status=402, body=refusal(1, "Pay"), expected=ProviderQuotaError),
        "403": Case(status=403, body=refusal(10000, "Authentication error"), expected=ProviderAuthError),
        "429": Case(
            status=429, headers={"retry-after": "3"}, body=refusal(971, "Slow down"), expected=ProviderRateLimitError
        ),
        "5xx": Case(status=500, body=refusal(10013, "unknown"), expected=CloudflareError),
        "5xx of a proxy": Case(status=502, body="<html>", expected=CloudflareError),
    }
}


def parts_of(request: ProviderRequest) -> list[tuple[str, str | None, str | None, bytes]]:
    """Name, filename, content type and content of each part, read by the standard library."""
    head = f"Content-Type: {dict(request.headers)['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(EmailMessage, policy=email.policy.HTTP).parsebytes(head + request.content)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_content_type() if part["content-type"] else None,
            part.get_payload(decode=True),  # type: ignore[misc]
        )
        for part in message.iter_parts()
    ]


def test_upload_of_code_vars_and_secrets_is_one_form() -> None:
    modules = (
        Module("src/index.js", b"export default {}", "application/javascript+module"),
        Module('a "quoted" name.txt', "Grüße".encode(), "text/plain"),
    )
    request = PROVIDER.build_upload(
        SCRIPT,
        upload_of(
            main_module="src/index.js",
            modules=modules,
            compatibility_flags=("nodejs_compat",),
            env_vars={"GREETING": "Hällo"},
            secrets={"TOKEN": "s3cret"},
        ),
    )

    assert (request.method, request.path) == (
        "PUT",
        "/accounts/account-1/workers/scripts/hello?excludeScript=true",
    )
    assert not request.repeatable
    assert set(request.confidential) == {"Hällo", "s3cret"}
    metadata, main, text = parts_of(request)
    assert metadata[:3] == ("metadata", None, "application/json")
    assert json.loads(metadata[3]) == {
        "main_module": "src/index.js",
        "compatibility_date": "2026-10-01",
        "compatibility_flags": ["nodejs_compat"],
        "bindings": [
            {"type": "plain_text", "name": "GREETING", "text": "Hällo"},
            {"type": "secret_text", "name": "TOKEN", "text": "s3cret"},
        ],
        "keep_bindings": ["secret_text", "secret_key"],
    }
    assert main == ("src/index.js", "src/index.js", "application/javascript+module", b"export default {}")
    assert text == ("a %22quoted%22 name.txt", "a %22quoted%22 name.txt", "text/plain", "Grüße".encode())


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"id": "hello", "tag": "t-1", "startup_time_ms": 12}, Uploaded("t-1", 12)),
        ({"id": "hello"}, Uploaded("hello", None)),
        ({"id": "hello", "tag": 5, "startup_time_ms": 10**15}, Uploaded("hello", None)),
        ({"id": "hello", "tag": "", "startup_time_ms": "7"}, Uploaded("hello", None)),
    ],
)
def test_upload_when_answered_then_the_workers_id(result: dict[str, Any], expected: Uploaded) -> None:
    assert PROVIDER.parse_upload(envelope(result)) == expected


def test_names_when_they_are_odd_then_they_are_percent_encoded() -> None:
    request = PROVIDER.build_live(Script("a/b", "c?d"))

    assert request.path == "/accounts/a%2Fb/workers/scripts/c%3Fd/deployments"


def test_traffic_has_all_versions_with_their_shares() -> None:
    request = PROVIDER.build_traffic(SCRIPT, Live({"v1": 90.0, "v2": 10.0}))

    assert request.path.endswith("/hello/deployments?force=true")
    assert json.loads(request.content) == {
        "strategy": "percentage",
        "versions": [{"version_id": "v1", "percentage": 90.0}, {"version_id": "v2", "percentage": 10.0}],
    }
    assert request.repeatable


def test_version_is_the_one_that_serves_most() -> None:
    assert Live({"v1": 30.0, "v2": 70.0}).version == "v2"


def test_workers_dev_is_read_by_get_and_set_by_post() -> None:
    asking, setting = PROVIDER.build_workers_dev(SCRIPT), PROVIDER.build_workers_dev(SCRIPT, WorkersDev(enabled=True))

    assert (asking.method, setting.method) == ("GET", "POST")
    assert asking.path == setting.path == "/accounts/account-1/workers/scripts/hello/subdomain"
    assert json.loads(setting.content) == {"enabled": True, "previews_enabled": False}


@pytest.mark.parametrize(("subdomain", "expected"), [("team", "team"), ("", None), (None, None)])
def test_subdomain_when_there_is_none_then_none(subdomain: str | None, expected: str | None) -> None:
    assert PROVIDER.parse_subdomain(envelope({"subdomain": subdomain})) == expected


def test_error_has_all_of_cloudflares_messages() -> None:
    errors = [{"code": 10021, "message": "Uncaught Error: x"}, {"code": 10057, "message": "no binding"}, "odd"]
    error = PROVIDER.parse_error(400, {"cf-ray": "ray-1"}, json.dumps({"errors": errors}).encode())

    assert isinstance(error, CloudflareError)
    assert error.message == "Cloudflare rejected the request: Uncaught Error: x [code: 10021]; no binding [code: 10057]"
    assert (error.status, error.error_code, error.upstream_status) == (502, "PROVIDER_ERROR", 400)
    assert error.errors == errors[:2]
    assert error.details is not None
    assert error.details["code"] == "10021"
    assert error.details["provider_request_id"] == "ray-1"


def test_cloudflares_errors_are_shown_to_the_caller_only() -> None:
    document = refusal(10021, "Uncaught Error: const plan = 'quoted'")
    cause = PROVIDER.parse_error(400, {}, json.dumps(document).encode())
    assert isinstance(cause, CloudflareError)

    error = DeploymentFailedError(cause, errors=cause.errors)

    assert (error.status, error.error_code, error.message) == (502, "DEPLOYMENT_FAILED", cause.message)
    assert error.to_body("request-1")["details"]["errors"] == document["errors"]
    assert error.details is not None
    assert "quoted" not in json.dumps(error.details)
