"""Cloudflare's API for Workers.

Wire format: https://developers.cloudflare.com/api/resources/workers/ and the SDK cloudflare 5.9.0 (2026-11). Responses:
`{"success", "errors": [{"code", "message"}], "messages", "result"}`. An upload becomes a version; a deployment says
which versions serve requests, each with its share of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from electrons.errors import (
    ConfigurationError,
    MissingCredentialsError,
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
)
from electrons.http import HeaderPairs
from electrons.logs import redact
from electrons.settings import NOT_SET, Secret, Setting
from electrons.upstream.errors import MESSAGE_LIMIT, classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import Part, Provider, ProviderRequest
from electrons.upstream.reading import Reader, UnreadableError, as_integer, as_string

API_TOKEN = Setting(
    name="CLOUDFLARE_API_TOKEN",
    meaning="a token for Cloudflare with the permission Workers Scripts: Edit",
    kind=Secret,
    default=NOT_SET,
)
ACCOUNT_ID = Setting(name="CLOUDFLARE_ACCOUNT_ID", meaning="the account that the token is for")

NOT_FOUND = 10007
"""The code for a Worker that does not exist."""

NO_SUBDOMAIN = 10063
"""The code for an account that has not chosen its name below workers.dev."""

RATE_LIMITED = 971
"""The code for calls that come too fast."""

# A token that is malformed, missing, unknown, or lacks the permission; some come with a 400.
_AUTH_CODES = {6003, 6111, 9103, 9106, 9109, 10000}


@dataclass(frozen=True, slots=True)
class Script:
    """A Worker as the API names it."""

    account_id: str
    name: str

    @property
    def path(self) -> str:
        """Return the path below the base URL."""
        return f"{_account_path(self.account_id)}/workers/scripts/{quote(self.name, safe='')}"


@dataclass(frozen=True, slots=True)
class Module:
    """One file of a Worker; its path is the name that imports use."""

    path: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A Worker with its bindings: `env_vars` are plain text; secrets cannot be read again."""

    main_module: str
    modules: tuple[Module, ...]
    compatibility_date: str
    compatibility_flags: tuple[str, ...] = ()
    env_vars: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The result of an upload. `worker_id` is the same for all versions."""

    worker_id: str
    startup_time_ms: int | None


@dataclass(frozen=True, slots=True)
class Live:
    """What serves requests: the percentage of them, by version."""

    traffic: Mapping[str, float]

    @property
    def version(self) -> str:
        """Return the version that serves most requests."""
        return max(self.traffic, key=lambda version: self.traffic[version])


@dataclass(frozen=True, slots=True)
class WorkersDev:
    """Whether a Worker is published on workers.dev, and whether its versions have addresses of their own."""

    enabled: bool
    previews_enabled: bool = False


class CloudflareError(ProviderError):
    """Cloudflare refused a call or failed to carry it out; `errors` are its own, each `{"code", "message"}`."""

    def __init__(self, cause: ProviderError, *, errors: list[dict[str, Any]]) -> None:
        """Take over what `cause` says."""
        super().__init__(cause.message, provider=cause.provider, retry_after=cause.retry_after)
        self.upstream_status = cause.upstream_status
        self.details = cause.details
        self.errors = errors


class CloudflareProvider(Provider):
    """Cloudflare. Each `build_` says what its call does; the functions in `scripts.py` make the calls in order."""

    name = "cloudflare"
    title = "Cloudflare"
    base_url = "https://api.cloudflare.com/client/v4"
    credentials = (API_TOKEN, ACCOUNT_ID)

    def missing_credentials(self) -> ConfigurationError:
        """Return a `MissingCredentialsError`."""
        return MissingCredentialsError("Cloudflare credentials", settings=(API_TOKEN.name, ACCOUNT_ID.name))

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return a bearer token; Cloudflare takes no request id of ours."""
        return [("Authorization", f"Bearer {api_key}"), ("Accept", "application/json")]

    def build_subdomain(self, account_id: str) -> ProviderRequest:
        """`GET /accounts/{account}/workers/subdomain`: the account's name below workers.dev."""
        return ProviderRequest(path=f"{_account_path(account_id)}/workers/subdomain", method="GET")

    def parse_subdomain(self, document: dict[str, Any]) -> str | None:
        """`{"subdomain"}`; None when there is none."""
        return as_string(_result(document)["subdomain"])

    def build_live(self, script: Script) -> ProviderRequest:
        """`GET …/deployments`: the latest are first."""
        return ProviderRequest(path=f"{script.path}/deployments", method="GET")

    def parse_live(self, document: dict[str, Any]) -> Live | None:
        """`{"deployments": [{"versions": [{"version_id", "percentage"}], …}]}`; None when nothing was deployed."""
        deployments = _result(document)["deployments"]
        return _live(deployments[0]) if deployments else None

    def build_traffic(self, script: Script, live: Live) -> ProviderRequest:
        """`POST …/deployments`: make versions live that were uploaded before.

        `force`: also if secrets have changed since, because a version has the secrets that it was uploaded with. A
        second call changes nothing.
        """
        versions = [{"version_id": version, "percentage": share} for version, share in live.traffic.items()]
        document = {"strategy": "percentage", "versions": versions}
        return ProviderRequest.json(f"{script.path}/deployments?force=true", document, headers=[])

    def parse_traffic(self, document: dict[str, Any]) -> Live:
        """Return the deployment that was made, which has the form of one in a list."""
        return _live(_result(document))

    def build_upload(self, script: Script, upload: Upload) -> ProviderRequest:
        """`PUT /accounts/{account}/workers/scripts/{name}`: a new version, live at once, or nothing.

        Code, vars and secrets are one call. `keep_bindings`: secrets of the version before are kept, as with wrangler.
        Not repeatable: a response that was lost may be that of a version which is already live.
        """
        metadata = {
            "main_module": upload.main_module,
            "compatibility_date": upload.compatibility_date,
            "compatibility_flags": list(upload.compatibility_flags),
            "bindings": [
                *({"type": "plain_text", "name": name, "text": text} for name, text in upload.env_vars.items()),
                *({"type": "secret_text", "name": name, "text": text} for name, text in upload.secrets.items()),
            ],
            "keep_bindings": ["secret_text", "secret_key"],
        }
        return ProviderRequest.form(
            f"{script.path}?excludeScript=true",
            {
                "metadata": Part(json.dumps(metadata, ensure_ascii=False).encode(), content_type="application/json"),
                **{module.path: Part(module.content, module.path, module.content_type) for module in upload.modules},
            },
            method="PUT",
            headers=[],
            repeatable=False,
            confidential=(*upload.env_vars.values(), *upload.secrets.values()),
        )

    def parse_upload(self, document: dict[str, Any]) -> Uploaded:
        """`{"id": the Worker's name, "tag": its id, "startup_time_ms", …}`."""
        result = _result(document)
        return Uploaded(
            as_string(result.get("tag")) or Reader(result).string("id"), as_integer(result.get("startup_time_ms"))
        )

    def build_workers_dev(self, script: Script, state: WorkersDev | None = None) -> ProviderRequest:
        """`GET …/subdomain`, or with a state `POST …/subdomain`, whose second call changes nothing."""
        path = f"{script.path}/subdomain"
        if state is None:
            return ProviderRequest(path=path, method="GET")
        document = {"enabled": state.enabled, "previews_enabled": state.previews_enabled}
        return ProviderRequest.json(path, document, headers=[])

    def parse_workers_dev(self, document: dict[str, Any]) -> WorkersDev:
        """Read `{"enabled", "previews_enabled"}`."""
        result = _result(document)
        return WorkersDev(result["enabled"] is True, result.get("previews_enabled") is True)

    def build_removal(self, script: Script) -> ProviderRequest:
        """`DELETE /accounts/{account}/workers/scripts/{name}`, unless other Workers need it (no `force`).

        A second call finds nothing, which is as good.
        """
        return ProviderRequest(path=script.path, method="DELETE")

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Return a `CloudflareError`, unless our token, credit or request rate is the reason."""
        document = parse_json_error(content)
        listed = document.get("errors")
        items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        errors = [_describe(item) for item in items]
        codes = {item["code"] for item in errors}
        error = classify_error(
            "; ".join(f"{item['message']} [code: {item['code']}]" for item in errors),
            provider=self,
            status=401 if codes & _AUTH_CODES else 429 if RATE_LIMITED in codes else status,
            code=str(errors[0]["code"]) if errors else None,
            request_id=headers.get("cf-ray"),
            retry_after=parse_retry_after(headers),
        )
        if isinstance(error, ProviderAuthError | ProviderQuotaError | ProviderRateLimitError):
            return error
        return CloudflareError(error, errors=errors)


def _account_path(account_id: str) -> str:
    return f"/accounts/{quote(account_id, safe='')}"


def _result(document: dict[str, Any]) -> dict[str, Any]:
    result = document["result"]
    if document["success"] is not True or not isinstance(result, dict):
        raise UnreadableError("`result` is not an object")
    return result


def _live(deployment: dict[str, Any]) -> Live:
    versions = [Reader(item) for item in Reader(deployment).array("versions")]
    if not versions:
        raise UnreadableError("no versions")
    # All of them or none: a version that is left out would seem to serve nothing.
    return Live({version.string("version_id"): version.number("percentage", limit=100) for version in versions})


def _describe(item: dict[str, Any]) -> dict[str, Any]:
    code, message = item.get("code"), as_string(item.get("message")) or "no message"
    return {"code": code if isinstance(code, int) else None, "message": redact(message)[:MESSAGE_LIMIT]}
