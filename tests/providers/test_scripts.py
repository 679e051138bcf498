"""Changes that take many calls at Cloudflare, and how they are undone."""

import json
from typing import Any

import httpx2
import pytest

from electrons.context import Context
from electrons.errors import (
    DatabaseError,
    MissingCredentialsError,
    ProviderAuthError,
    ProviderError,
    ProviderRateLimitError,
    ProviderTimeoutError,
    ProviderUnreachableError,
)
from electrons.providers.cloudflare.provider import (
    CloudflareError,
    CloudflareProvider,
    Live,
    Script,
    Upload,
    WorkersDev,
)
from electrons.providers.cloudflare.scripts import (
    Before,
    find_outcome,
    name_script,
    publish_on_workers_dev,
    put_live,
    read_before,
    read_subdomain,
    remove_script,
    undo_on_failure,
    upload_script,
)
from electrons.settings import Secret, Settings
from tests.providers.cases import create_context
from tests.providers.cloudflare_account import Cloudflare, envelope, failing, refusal, upload_of

SCRIPT = Script("account-1", "hello")
UPLOAD = upload_of()


def context_of(cloudflare: Cloudflare) -> Context:
    return create_context(CloudflareProvider(), cloudflare.respond, max_retries=0)


async def deploy_version(context: Context, *, error: Exception | None = None, upload: Upload = UPLOAD) -> str:
    """Deploy with workers.dev; raise `error` in the end if there is one."""
    before = await read_before(context, SCRIPT)
    async with undo_on_failure(context, SCRIPT, before):
        _, version = await upload_script(context, SCRIPT, upload)
        await publish_on_workers_dev(context, SCRIPT, True, before=before.workers_dev)
        if error is not None:
            raise error
    return version


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(declared={"CLOUDFLARE_API_TOKEN": Secret("token")}),
        Settings(declared={"CLOUDFLARE_ACCOUNT_ID": "account-1"}),
    ],
)
def test_missing_credentials_are_both_named(settings: Settings) -> None:
    with pytest.raises(MissingCredentialsError, match="Cloudflare credentials not configured") as caught:
        name_script(settings, "hello")

    assert caught.value.error_code == "MISSING_CREDENTIALS"
    assert "`CLOUDFLARE_API_TOKEN`" in caught.value.message
    assert "`CLOUDFLARE_ACCOUNT_ID`" in caught.value.message


async def test_upload_of_a_new_worker_is_live_and_published() -> None:
    cloudflare = Cloudflare()

    assert await deploy_version(context_of(cloudflare)) == "v1"
    assert (cloudflare.live, cloudflare.workers_dev) == ("v1", WorkersDev(enabled=True))


async def test_workers_dev_is_not_set_again() -> None:
    cloudflare = Cloudflare("v1")
    cloudflare.workers_dev = WorkersDev(enabled=True, previews_enabled=True)

    await deploy_version(context_of(cloudflare))

    assert "POST /subdomain" not in cloudflare.calls
    assert cloudflare.workers_dev.previews_enabled


async def test_refused_upload_changes_nothing() -> None:
    answer = httpx2.Response(400, json=refusal(10021, "Uncaught Error: x"))
    cloudflare = Cloudflare("v1", fault=failing("PUT", "/hello", answer))

    with pytest.raises(CloudflareError) as caught:
        await deploy_version(context_of(cloudflare))

    assert caught.value.message == (
        "Cloudflare rejected the request: Uncaught Error: x [code: 10021]. Nothing was changed"
    )
    assert find_outcome(caught.value) == "unchanged"
    assert cloudflare.live == "v1"
    assert cloudflare.calls == ["GET /deployments", "GET /subdomain", "PUT /", "GET /deployments"]


@pytest.mark.parametrize("error", [DatabaseError("disk"), RuntimeError("bug")])
async def test_undo_restores_version_and_workers_dev(error: Exception) -> None:
    cloudflare = Cloudflare("v1")

    with pytest.raises(type(error)):
        await deploy_version(context_of(cloudflare), error=error)

    assert (cloudflare.live, cloudflare.workers_dev) == ("v1", WorkersDev(enabled=False))


async def test_undo_when_the_worker_is_new_then_it_is_deleted() -> None:
    answer = httpx2.Response(500, json=refusal(10013, "unknown"))
    cloudflare = Cloudflare(fault=failing("POST", "/subdomain", answer))

    with pytest.raises(CloudflareError, match="unknown") as caught:
        await deploy_version(context_of(cloudflare))

    assert cloudflare.live is None
    assert find_outcome(caught.value) == "restored"
    assert caught.value.message.endswith("The new Worker was deleted again")


async def test_failed_undo_has_an_unknown_outcome() -> None:
    def fault(request: httpx2.Request) -> httpx2.Response | None:
        broken = request.method == "POST" and request.url.path.endswith(("/subdomain", "/deployments"))
        return httpx2.Response(500, json=refusal(10013, "unknown")) if broken else None

    cloudflare = Cloudflare("v1", fault=fault)

    with pytest.raises(CloudflareError) as caught:
        await deploy_version(context_of(cloudflare))

    assert find_outcome(caught.value) == "unknown"
    assert "Undoing it failed too" in caught.value.message
    assert cloudflare.live == "v2"


@pytest.mark.parametrize(
    ("gone", "kind"),
    [(httpx2.ReadError, ProviderUnreachableError), (httpx2.ReadTimeout, ProviderTimeoutError)],
)
async def test_lost_response_of_an_upload_has_an_unknown_outcome(
    gone: type[httpx2.TransportError], kind: type[ProviderError]
) -> None:
    cloudflare = Cloudflare("v1", fault=failing("PUT", "/hello", gone))

    with pytest.raises(kind) as caught:
        await deploy_version(create_context(CloudflareProvider(), cloudflare.respond))

    assert find_outcome(caught.value) == "unknown"
    assert cloudflare.calls.count("PUT /") == 1


async def test_upload_whose_response_was_lost_is_undone() -> None:
    cloudflare = Cloudflare("v1")

    def fault(request: httpx2.Request) -> httpx2.Response | None:
        if request.method == "PUT":
            cloudflare.answer(request, "PUT /")
            raise httpx2.ReadError("gone", request=request)
        return None

    cloudflare.fault = fault

    with pytest.raises(ProviderUnreachableError) as caught:
        await deploy_version(context_of(cloudflare))

    assert find_outcome(caught.value) == "restored"
    assert cloudflare.live == "v1"


async def test_quoted_vars_and_secrets_are_concealed_in_any_form() -> None:
    secret, var = 'a<b & "c"', "line one\nline two"
    text = json.dumps(f"Uncaught Error: {secret} and {var}").replace("<", "\\u003c").replace("&", "\\u0026")
    body = '{"success": false, "errors": [{"code": 10021, "message": ' + text + "}]}"
    cloudflare = Cloudflare(fault=failing("PUT", "/hello", httpx2.Response(400, content=body.encode())))

    with pytest.raises(CloudflareError) as caught:
        await deploy_version(
            context_of(cloudflare), upload=upload_of(secrets={"A": secret, "NONE": ""}, env_vars={"B": var})
        )

    assert caught.value.errors == [{"code": 10021, "message": "Uncaught Error: *** and ***"}]
    assert caught.value.message.startswith("Cloudflare rejected the request: Uncaught Error: *** and *** [code: 10021]")


async def test_error_when_a_page_quotes_a_secret_then_it_is_hidden() -> None:
    answer = httpx2.Response(400, content=b"<html>s3cret")
    cloudflare = Cloudflare(fault=failing("PUT", "/hello", answer))

    with pytest.raises(CloudflareError) as caught:
        await deploy_version(context_of(cloudflare), upload=upload_of(secrets={"A": "s3cret"}))

    assert "s3cret" not in json.dumps(caught.value.to_body("request-1"))


async def test_put_live_when_a_version_is_named_then_that_one() -> None:
    cloudflare = Cloudflare("v1", "v2")

    await put_live(context_of(cloudflare), SCRIPT, Live({"v1": 100.0}))

    assert cloudflare.live == "v1"


async def test_remove_when_it_is_gone_already_then_that_is_as_good() -> None:
    cloudflare = Cloudflare("v1")

    await remove_script(context_of(cloudflare), SCRIPT)
    await remove_script(context_of(cloudflare), SCRIPT)

    assert cloudflare.live is None


async def test_remove_when_refused_then_the_error_and_nothing_changed() -> None:
    answer = httpx2.Response(400, json=refusal(10064, "other Workers use this one"))
    cloudflare = Cloudflare("v1", fault=failing("DELETE", "/hello", answer))

    with pytest.raises(CloudflareError, match="other Workers") as caught:
        await remove_script(context_of(cloudflare), SCRIPT)

    assert find_outcome(caught.value) == "unchanged"


async def test_lost_response_of_a_deletion_has_an_unknown_outcome() -> None:
    cloudflare = Cloudflare("v1", fault=failing("DELETE", "/hello", httpx2.ReadTimeout))

    with pytest.raises(ProviderTimeoutError) as caught:
        await remove_script(context_of(cloudflare), SCRIPT)

    assert find_outcome(caught.value) == "unknown"


async def test_read_before_when_there_is_no_worker_then_nothing() -> None:
    assert await read_before(context_of(Cloudflare()), SCRIPT) == Before(None)


async def test_account_without_a_subdomain_is_told_to_choose_one() -> None:
    context = create_context(
        CloudflareProvider(), lambda _request: httpx2.Response(200, json=envelope({"subdomain": ""}))
    )

    with pytest.raises(CloudflareError, match="subdomain") as caught:
        await read_subdomain(context, SCRIPT)

    assert caught.value.errors[0]["code"] == 10063


async def test_upload_of_an_unreadable_version_is_undone() -> None:
    broken: Any = {"success": True, "result": {"deployments": "?"}}
    reads = 0

    def fault(request: httpx2.Request) -> httpx2.Response | None:
        nonlocal reads
        reads += request.method == "GET" and request.url.path.endswith("/deployments")
        return httpx2.Response(200, json=broken) if reads == 2 and request.method == "GET" else None

    cloudflare = Cloudflare("v1", fault=fault)

    with pytest.raises(ProviderError, match="cannot be read"):
        await deploy_version(context_of(cloudflare))

    assert cloudflare.live == "v1"


@pytest.mark.parametrize(
    ("code", "kind"),
    [(10013, CloudflareError), (971, ProviderRateLimitError), (10000, ProviderAuthError)],
)
async def test_remove_when_a_200_says_no_success_then_the_error(code: int, kind: type[ProviderError]) -> None:
    answer = httpx2.Response(200, json=refusal(code, "not today"))
    cloudflare = Cloudflare("v1", fault=failing("DELETE", "/hello", answer))

    with pytest.raises(kind, match=rf"not today \[code: {code}\]"):
        await remove_script(context_of(cloudflare), SCRIPT)


async def test_remove_when_a_200_says_not_found_then_it_is_gone() -> None:
    answer = httpx2.Response(200, json=refusal(10007, "This Worker does not exist"))
    cloudflare = Cloudflare("v1", fault=failing("DELETE", "/hello", answer))

    await remove_script(context_of(cloudflare), SCRIPT)


async def test_upload_refused_in_a_200_conceals_secrets() -> None:
    answer = httpx2.Response(200, json=refusal(10021, "Uncaught Error: s3cret-value"))
    cloudflare = Cloudflare("v1", fault=failing("PUT", "/hello", answer))

    with pytest.raises(CloudflareError) as caught:
        await deploy_version(context_of(cloudflare), upload=upload_of(secrets={"A": "s3cret-value"}))

    assert caught.value.errors == [{"code": 10021, "message": "Uncaught Error: ***"}]
    assert find_outcome(caught.value) == "unchanged"


async def test_error_after_an_undo_has_the_first_as_its_cause() -> None:
    error = DatabaseError("disk")

    with pytest.raises(DatabaseError) as caught:
        await deploy_version(context_of(Cloudflare("v1")), error=error)

    assert caught.value.__cause__ is error
    assert (error.details, caught.value.details) == (None, {"outcome": "restored"})
