"""The official `cloudflare` client of PyPI gets the same from the emulator as from the vendor."""

from collections.abc import Callable, Iterator
from typing import Any

import cloudflare
import httpx2
import pytest

from tests.clients.workers_api import ACCOUNT, JAVASCRIPT, Workers, connect_client, error_of
from tests.emulators.process import Emulators

pytestmark = pytest.mark.usefixtures("delete_deployed")


@pytest.fixture
def workers(emulators: Emulators) -> Iterator[Workers]:
    with connect_client(emulators) as connected:
        yield connected


def test_upload_when_accepted_then_it_is_described_and_listed(workers: Workers) -> None:
    uploaded = workers.upload_text("described", "hello", compatibility_date="2026-10-01", tags=["blue"])
    listed = {script.id: script for script in workers.scripts.list(account_id=ACCOUNT)}
    settings = workers.scripts.script_and_version_settings.get("described", account_id=ACCOUNT)

    assert (uploaded.id, uploaded.has_modules, uploaded.entry_point) == ("described", True, "index.js")
    assert uploaded.startup_time_ms > 0
    assert listed["described"].etag == uploaded.etag
    assert (settings.compatibility_date, settings.tags) == ("2026-10-01", ["blue"])


def test_subdomain_when_disabled_then_404_until_it_is_enabled(workers: Workers) -> None:
    workers.upload_text("switched", "hello")
    subdomain = workers.scripts.subdomain

    assert workers.get("switched").text == "hello"
    assert subdomain.delete("switched", account_id=ACCOUNT).enabled is False
    assert workers.get("switched").status_code == 404
    assert subdomain.create("switched", account_id=ACCOUNT, enabled=True, previews_enabled=False).enabled is True
    assert workers.get("switched").text == "hello"
    assert workers.client.workers.subdomains.get(account_id=ACCOUNT).subdomain == "emulated"


def test_script_when_deleted_then_404(workers: Workers) -> None:
    workers.upload_text("deleted", "hello")

    assert workers.scripts.delete("deleted", account_id=ACCOUNT) is None
    assert workers.get("deleted").status_code == 404
    with pytest.raises(cloudflare.NotFoundError) as refused:
        workers.scripts.delete("deleted", account_id=ACCOUNT)
    assert error_of(refused.value) == (404, 10007, "This Worker does not exist on your account.")


def test_secrets_when_changed_then_only_the_worker_reads_them(workers: Workers) -> None:
    code = "export default { fetch(_, env) { return Response.json(env); } }"
    plain = {"name": "GREETING", "type": "plain_text", "text": "hello"}
    shape = {"name": "SHAPE", "type": "json", "json": {"sides": 3}}
    first = {"name": "FIRST", "type": "secret_text", "text": "hidden-1"}
    workers.upload("secretive", {"index.js": (code, JAVASCRIPT)}, main="index.js", bindings=[plain, shape, first])
    secrets = workers.scripts.secrets
    second = secrets.update("secretive", account_id=ACCOUNT, name="SECOND", text="hidden-2", type="secret_text")
    settings = workers.scripts.script_and_version_settings.with_raw_response.get("secretive", account_id=ACCOUNT)

    assert workers.get("secretive").json() == {
        "GREETING": "hello",
        "SHAPE": {"sides": 3},
        "FIRST": "hidden-1",
        "SECOND": "hidden-2",
    }
    assert second.name == "SECOND"
    assert [secret.name for secret in secrets.list("secretive", account_id=ACCOUNT)] == ["FIRST", "SECOND"]
    assert "SECOND" in settings.text() and "hidden" not in settings.text()
    secrets.delete("SECOND", account_id=ACCOUNT, script_name="secretive")
    assert "SECOND" not in workers.get("secretive").json()


def test_secrets_when_changed_in_bulk_then_null_deletes(workers: Workers) -> None:
    code = "export default { fetch(_, env) { return Response.json(env); } }"
    old = {"name": "OLD", "type": "secret_text", "text": "1"}
    workers.upload("bulky", {"index.js": (code, JAVASCRIPT)}, main="index.js", bindings=[old])
    new = {"name": "NEW", "type": "secret_text", "text": "2"}
    workers.client.patch(
        f"/accounts/{ACCOUNT}/workers/scripts/bulky/secrets-bulk",
        body={"secrets": {"OLD": None, "NEW": new}},
        cast_to=object,
    )

    assert workers.get("bulky").json() == {"NEW": "2"}


def test_bindings_when_uploaded_again_then_kept_ones_remain(workers: Workers) -> None:
    code = "export default { fetch(_, env) { return Response.json(env); } }"
    both = [{"name": "A", "type": "secret_text", "text": "a"}, {"name": "B", "type": "plain_text", "text": "b"}]
    inherited = [{"name": "A", "type": "inherit"}, {"name": "C", "type": "inherit"}]

    def upload(**metadata: Any) -> Any:
        workers.upload("keeping", {"index.js": (code, JAVASCRIPT)}, main="index.js", **metadata)
        return workers.get("keeping").json()

    assert upload(bindings=both) == {"A": "a", "B": "b"}
    assert upload(keep_bindings=["secret_text"]) == {"A": "a"}
    assert upload(bindings=inherited) == {"A": "a"}
    assert upload() == {}


def test_rollback_when_deployed_then_the_earlier_version_runs(workers: Workers) -> None:
    workers.upload_text("rolled", "one", annotations={"workers/message": "the first"})
    workers.upload_text("rolled", "two")
    versions, deployments = workers.scripts.versions, workers.scripts.deployments
    newest, oldest = list(versions.list("rolled", account_id=ACCOUNT))
    before = workers.get("rolled").text
    share = {"version_id": oldest.id, "percentage": 100}
    made = deployments.create("rolled", account_id=ACCOUNT, strategy="percentage", versions=[share])

    assert (newest.number, oldest.number) == (2, 1)
    assert (before, workers.get("rolled").text) == ("two", "one")
    # The client expects pages of `items`, but the vendor sends what wrangler reads.
    listed = deployments.with_raw_response.list("rolled", account_id=ACCOUNT).json()["result"]["deployments"]
    assert [len(listed), listed[0]["id"], listed[0]["versions"]] == [3, made.id, [share]]
    assert deployments.get(made.id, account_id=ACCOUNT, script_name="rolled").id == made.id
    # The client cannot parse a single version: it has no schema for the bindings.
    version = versions.with_raw_response.get(oldest.id, account_id=ACCOUNT, script_name="rolled").json()["result"]
    assert version["annotations"]["workers/message"] == "the first"


def test_rollback_when_secrets_changed_then_it_must_be_forced(workers: Workers) -> None:
    workers.upload_text("changed", "one")
    workers.scripts.secrets.update("changed", account_id=ACCOUNT, name="KEY", text="x", type="secret_text")
    _, oldest = list(workers.scripts.versions.list("changed", account_id=ACCOUNT))
    deployment = {"strategy": "percentage", "versions": [{"version_id": oldest.id, "percentage": 100}]}

    with pytest.raises(cloudflare.BadRequestError) as refused:
        workers.scripts.deployments.create("changed", account_id=ACCOUNT, **deployment)
    assert error_of(refused.value) == (400, 10220, "The following secrets have changed: KEY")
    workers.scripts.deployments.create("changed", account_id=ACCOUNT, force=True, **deployment)
    assert list(workers.scripts.secrets.list("changed", account_id=ACCOUNT)) == []


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("invalid-token", (401, 10000, "Authentication error")),
        ("forbidden-token", (403, 10000, "Authentication error")),
    ],
)
def test_token_when_refused_then_authentication_error(
    emulators: Emulators, token: str, expected: tuple[int, int, str]
) -> None:
    with connect_client(emulators, token=token) as workers, pytest.raises(cloudflare.APIStatusError) as refused:
        list(workers.scripts.list(account_id=ACCOUNT))

    assert error_of(refused.value) == expected


def test_request_when_not_routable_then_cloudflares_error_codes(emulators: Emulators) -> None:
    base, headers = emulators.url_of("cloudflare"), {"authorization": "Bearer any"}

    def request_error(method: str, path: str, headers: dict[str, str]) -> tuple[int, int]:
        answer = httpx2.request(method, base + path, headers=headers)
        return answer.status_code, answer.json()["errors"][0]["code"]

    assert request_error("GET", f"/accounts/{ACCOUNT}/workers/scripts", {}) == (400, 9106)
    assert request_error("GET", "/accounts/main/workers/scripts", headers) == (404, 7003)
    assert request_error("GET", f"/accounts/{ACCOUNT}/workers/other", headers) == (404, 7003)
    assert request_error("DELETE", f"/accounts/{ACCOUNT}/workers/scripts", headers) == (405, 10405)


def test_upload_when_the_account_has_no_subdomain_then_refused(emulators: Emulators) -> None:
    code = "export default { fetch: (request) => new Response(request.url) }"
    with connect_client(emulators, token="nosubdomain-1") as workers:
        with pytest.raises(cloudflare.NotFoundError) as missing:
            workers.client.workers.subdomains.get(account_id=ACCOUNT)
        with pytest.raises(cloudflare.PermissionDeniedError) as refused:
            workers.upload_text("homeless", "hello")
        workers.client.workers.subdomains.update(account_id=ACCOUNT, subdomain="mine")
        workers.upload("homeless", {"index.js": (code, JAVASCRIPT)}, main="index.js")

        assert (missing.value.errors[0].code, refused.value.errors[0].code) == (10007, 10063)
        assert workers.get("homeless").text == "https://homeless.mine.workers.dev/"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"main_module": "missing.js"}, 'No such module "missing.js".'),
        ({"main_module": None}, "metadata part must have either a main_module or a body_part"),
        ({"compatibility_date": "soon"}, 'Invalid compatibility date: "soon".'),
        ({"compatibility_date": "2999-01-01"}, 'Can\'t set compatibility date in the future: "2999-01-01".'),
        ({"compatibility_flags": ["nonsense"]}, "No such compatibility flag: nonsense"),
        ({"bindings": [{"name": "A", "type": "plain_text"}]}, "must have a valid `text` specified"),
        ({"bindings": [{"name": "DB", "type": "queue", "id": "x"}]}, "is not supported by this emulator"),
        ({"exports": {"Counter": {"type": "durable-object"}}}, "exports are not supported by this emulator"),
        ({"bindings": "none"}, "metadata part is invalid: bindings: Input should be a valid array"),
    ],
)
def test_upload_when_metadata_is_invalid_then_10021_says_why(
    workers: Workers, change: dict[str, Any], text: str
) -> None:
    code = ("index.js", b"export default { fetch() {} }", JAVASCRIPT)
    with pytest.raises(cloudflare.BadRequestError) as refused:
        workers.scripts.update(
            "wrong", account_id=ACCOUNT, metadata={"main_module": "index.js", **change}, files=[code]
        )

    status, number, message = error_of(refused.value)
    assert (status, number) == (400, 10021)
    assert text in message


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("export default {", "Uncaught SyntaxError: Unexpected end of input"),
        ("throw new Error('out of order')", "Uncaught Error: out of order"),
        ("import './missing.js'; export default {}", 'No such module "missing.js".'),
        pytest.param("for (;;);", "Script startup exceeded CPU time limit.", marks=pytest.mark.full),
    ],
)
def test_upload_when_the_script_fails_then_the_old_one_stays(workers: Workers, code: str, text: str) -> None:
    workers.upload_text("steady", "still here")
    with pytest.raises(cloudflare.BadRequestError) as refused:
        workers.upload("steady", {"index.js": (code, JAVASCRIPT)}, main="index.js")

    status, number, message = error_of(refused.value)
    assert (status, number) == (400, 10021)
    assert text in message
    assert workers.get("steady").text == "still here"


def test_metadata_when_the_part_is_missing_then_10021(emulators: Emulators) -> None:
    url = f"{emulators.url_of('cloudflare')}/accounts/{ACCOUNT}/workers/scripts/bare"
    files = {"index.js": ("index.js", b"export default {}", JAVASCRIPT)}
    answer = httpx2.put(url, files=files, headers={"authorization": "Bearer any"})

    assert answer.json()["errors"] == [{"code": 10021, "message": "could not read content for part metadata"}]


@pytest.mark.parametrize(
    "call",
    [
        lambda scripts: scripts.get("nobody", account_id=ACCOUNT),
        lambda scripts: scripts.subdomain.get("nobody", account_id=ACCOUNT),
        lambda scripts: scripts.versions.list("nobody", account_id=ACCOUNT),
        lambda scripts: scripts.deployments.list("nobody", account_id=ACCOUNT),
        lambda scripts: scripts.script_and_version_settings.get("nobody", account_id=ACCOUNT),
        lambda scripts: scripts.secrets.update("nobody", account_id=ACCOUNT, name="A", text="a", type="secret_text"),
    ],
)
def test_script_when_it_does_not_exist_then_10007(workers: Workers, call: Callable[[Any], Any]) -> None:
    with pytest.raises(cloudflare.NotFoundError) as refused:
        call(workers.scripts)

    assert error_of(refused.value)[:2] == (404, 10007)


def test_fault_when_queued_then_the_client_raises_its_error(workers: Workers, emulators: Emulators) -> None:
    emulators.add_fault("cloudflare", kind="status", status=429, retry_after=7)
    with pytest.raises(cloudflare.RateLimitError) as limited:
        list(workers.scripts.list(account_id=ACCOUNT))
    emulators.add_fault("cloudflare", kind="status", status=500)
    with pytest.raises(cloudflare.InternalServerError) as broken:
        list(workers.scripts.list(account_id=ACCOUNT))
    emulators.add_fault("cloudflare", kind="cut", after=0)
    with pytest.raises(cloudflare.APIConnectionError):
        list(workers.scripts.list(account_id=ACCOUNT))

    assert limited.value.response.headers["retry-after"] == "7"
    assert (limited.value.errors[0].code, broken.value.errors[0].code) == (971, 10013)
