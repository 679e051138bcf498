"""The Cloudflare account that is deployed to, over Cloudflare's API (https://developers.cloudflare.com/api/)."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from setup import SetupError

API = "https://api.cloudflare.com/client/v4"
TIMEOUT_SECONDS = 60

NO_SUBDOMAIN = 10007
NO_WORKER = {10007, 10090}
SECRETS_CHANGED = 10220
_PAGE = 100


class CloudflareError(SetupError):
    """What Cloudflare's API refused. `code` is its own, 0 without one."""

    def __init__(self, message: str, *, status: int, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a Worker; `tag` is the fingerprint that this tool gave it.

    `is_secret_change` marks the version that Cloudflare makes when a secret is set without an upload, `is_withdrawn`
    one that was live until somebody went back from it.
    """

    id: str
    number: int
    tag: str
    is_secret_change: bool = False
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and the token for it. `base_url` is Cloudflare's API or that of the emulator."""

    id: str
    token: str = field(repr=False)
    base_url: str = API

    @property
    def is_emulated(self) -> bool:
        """Return whether this is the emulator on this machine."""
        return urlsplit(self.base_url).hostname in {"127.0.0.1", "localhost", "::1"}

    def environment(self) -> dict[str, str]:
        """Return the variables with which wrangler works on this account. CI: it asks nothing and edits no file."""
        return {
            "CLOUDFLARE_ACCOUNT_ID": self.id,
            "CLOUDFLARE_API_TOKEN": self.token,
            "CLOUDFLARE_API_BASE_URL": self.base_url,
            "CI": "true",
            "NO_COLOR": "1",
            "FORCE_COLOR": "0",
        }

    def get(self, path: str) -> Any:
        """Return the result of a GET below the account. Raises `CloudflareError`."""
        return self._call("GET", f"/accounts/{self.id}{path}")["result"]

    def post(self, path: str, document: Mapping[str, Any]) -> Any:
        """Return the result of a POST below the account. Raises `CloudflareError`."""
        return self._call("POST", f"/accounts/{self.id}{path}", document)["result"]

    def patch(self, path: str, document: Mapping[str, Any]) -> Any:
        """Return the result of a PATCH below the account. Raises `CloudflareError`."""
        return self._call("PATCH", f"/accounts/{self.id}{path}", document)["result"]

    def delete(self, path: str) -> None:
        """Delete what is below the account. Raises `CloudflareError`."""
        self._call("DELETE", f"/accounts/{self.id}{path}")

    def iterate(self, path: str) -> Iterator[Any]:
        """Yield the items of a list that has pages."""
        page = 1
        while True:
            items = self.get(f"{path}?per_page={_PAGE}&page={page}")
            yield from items
            if len(items) < _PAGE:
                return
            page += 1

    def check_token(self) -> None:
        """Raise `SetupError` unless the token is valid for the account."""
        try:
            self._call("GET", f"/accounts/{self.id}/workers/scripts")
        except CloudflareError as error:
            raise SetupError(
                f"CLOUDFLARE_API_TOKEN cannot be used for the account {self.id}: {error}. Create a token with the "
                "template `Edit Cloudflare Workers` and D1 Edit: https://dash.cloudflare.com/profile/api-tokens"
            ) from error

    def find_subdomain(self) -> str:
        """Return the account's subdomain of workers.dev. Raises `SetupError`."""
        try:
            return str(self.get("/workers/subdomain")["subdomain"])
        except CloudflareError as error:
            if error.code != NO_SUBDOMAIN:
                raise
            raise SetupError(
                "The account has no workers.dev subdomain: open Workers & Pages once at https://dash.cloudflare.com"
            ) from error

    def url_of(self, worker: str, subdomain: str) -> str:
        """Return where a deployed Worker answers."""
        if self.is_emulated:
            return urljoin(self.base_url, f"/cloudflare/workers.dev/{worker}")
        return f"https://{worker}.{subdomain}.workers.dev"

    def find_live(self, worker: str) -> Version | None:
        """Return the version of a Worker that is live, None if there is no such Worker."""
        deployments = self._list_deployments(worker)
        return self._read_version(worker, deployments[0]["versions"][0]["version_id"]) if deployments else None

    def list_history(self, worker: str, *, withdrawing: Collection[str]) -> list[Version]:
        """Return the versions that were live, the present one first, each once.

        `withdrawing` are the messages of deployments that went back from the version that was live before them.
        """
        found: dict[str, bool] = {}
        went_back = False
        for deployment in self._list_deployments(worker):
            for share in deployment["versions"]:
                found.setdefault(share["version_id"], went_back)
            went_back = (deployment.get("annotations") or {}).get("workers/message") in withdrawing
        return [replace(self._read_version(worker, id_), is_withdrawn=withdrawn) for id_, withdrawn in found.items()]

    def find_users(self, worker: str) -> set[str]:
        """Return the names of the Workers that bind a Worker or its Durable Objects."""
        references = self.get(f"/workers/scripts/{quote(worker)}/references")
        incoming = [*references["services"]["incoming"], *references["durable_objects"]]
        return {str(reference["service"]) for reference in incoming} - {worker}

    def put_live(self, worker: str, version: Version, *, message: str) -> None:
        """Send all traffic of a Worker to a version."""
        document = {
            "strategy": "percentage",
            "versions": [{"version_id": version.id, "percentage": 100}],
            "annotations": {"workers/message": message},
        }
        path = f"/workers/scripts/{quote(worker)}/deployments"
        try:
            self.post(path, document)
        except CloudflareError as error:
            if error.code != SECRETS_CHANGED:
                raise
            self.post(f"{path}?force=true", document)

    def list_secrets(self, worker: str) -> set[str]:
        """Return the names of the secrets of a Worker."""
        try:
            return {secret["name"] for secret in self.get(f"/workers/scripts/{quote(worker)}/secrets")}
        except CloudflareError as error:
            if error.code in NO_WORKER:
                return set()
            raise

    def is_public(self, worker: str) -> bool:
        """Return whether a Worker answers on workers.dev."""
        return bool(self.get(f"/workers/scripts/{quote(worker)}/subdomain")["enabled"])

    def list_crons(self, worker: str) -> set[str]:
        """Return the expressions of a Worker's Cron Triggers."""
        schedules = self.get(f"/workers/scripts/{quote(worker)}/schedules")["schedules"]
        return {str(schedule["cron"]) for schedule in schedules}

    def find_script_of_workflow(self, name: str) -> str | None:
        """Return the name of the Worker that runs a Workflow, None if there is no such Workflow."""
        try:
            return str(self.get(f"/workflows/{quote(name)}")["script_name"])
        except CloudflareError as error:
            if error.status == 404:
                return None
            raise

    def find_database(self, name: str) -> str | None:
        """Return the id of a D1 database."""
        found = (database["uuid"] for database in self.iterate("/d1/database") if database["name"] == name)
        return next(found, None)

    def create_database(self, name: str) -> str:
        """Create a D1 database and return its id; one that exists by now is that one."""
        try:
            return str(self.post("/d1/database", {"name": name})["uuid"])
        except CloudflareError:
            if (existing := self.find_database(name)) is None:
                raise
            return existing

    def provide_namespace(self, title: str) -> str:
        """Return the id of the KV namespace with this title, which is created if there is none."""
        for namespace in self.iterate("/storage/kv/namespaces"):
            if namespace["title"] == title:
                return str(namespace["id"])
        return str(self.post("/storage/kv/namespaces", {"title": title})["id"])

    def _list_deployments(self, worker: str) -> list[Any]:
        try:
            deployments: list[Any] = self.get(f"/workers/scripts/{quote(worker)}/deployments")["deployments"]
        except CloudflareError as error:
            if error.code in NO_WORKER:
                return []
            raise
        return deployments

    def _read_version(self, worker: str, version_id: str) -> Version:
        version = self.get(f"/workers/scripts/{quote(worker)}/versions/{version_id}")
        annotations = version.get("annotations") or {}
        return Version(
            version_id,
            int(version.get("number") or 0),
            annotations.get("workers/tag") or "",
            is_secret_change=annotations.get("workers/triggered_by") == "secret",
        )

    def _call(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.base_url + path, body, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            refusal = _read_refusal(error)
            if error.code in {401, 403}:
                part = path.removeprefix(f"/accounts/{self.id}").partition("?")[0]
                raise CloudflareError(
                    f"CLOUDFLARE_API_TOKEN may not {method} {part}: {refusal}. It needs *Edit* for Workers Scripts, "
                    "Workers KV Storage, Workers R2 Storage and D1: https://dash.cloudflare.com/profile/api-tokens",
                    status=refusal.status,
                    code=refusal.code,
                ) from error
            raise refusal from error
        except (OSError, ValueError) as error:
            host = urlsplit(self.base_url).netloc
            raise SetupError(f"Cloudflare's API at {host} cannot be reached ({error}); try again") from error


def read_account(environment: Mapping[str, str] = os.environ) -> Account:
    """Return the account that the environment names. Raises `SetupError`."""
    token = environment.get("CLOUDFLARE_API_TOKEN", "")
    if not token:
        raise SetupError(
            "Set CLOUDFLARE_API_TOKEN to an API token with the template `Edit Cloudflare Workers` and D1 Edit: "
            "https://dash.cloudflare.com/profile/api-tokens"
        )
    base_url = environment.get("CLOUDFLARE_API_BASE_URL", API).rstrip("/")
    account = Account(id=environment.get("CLOUDFLARE_ACCOUNT_ID", ""), token=token, base_url=base_url)
    if account.id:
        return account
    accounts = account._call("GET", "/accounts?per_page=50")["result"]  # noqa: SLF001  # there is no account yet
    if len(accounts) != 1:
        names = ", ".join(f"{each['id']} ({each['name']})" for each in accounts) or "none"
        raise SetupError(f"Set CLOUDFLARE_ACCOUNT_ID to one of the token's accounts: {names}")
    return Account(id=accounts[0]["id"], token=token, base_url=base_url)


def _read_refusal(error: urllib.error.HTTPError) -> CloudflareError:
    try:
        problems = json.load(error)["errors"]
        text = "; ".join(f"{problem['message']} ({problem['code']})" for problem in problems)
        return CloudflareError(text, status=error.code, code=int(problems[0]["code"]))
    except (ValueError, KeyError, TypeError, IndexError):
        return CloudflareError(f"HTTP status {error.code}", status=error.code)
