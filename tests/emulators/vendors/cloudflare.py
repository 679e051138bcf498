"""Cloudflare's Workers API, version 4, as of November 2026: what is uploaded really runs, on workerd.

Sources: https://developers.cloudflare.com/api/resources/workers/, the SDKs cloudflare 5.9.0 (PyPI) and 7.3.0 (npm), and
what wrangler 4.164 asks for when it deploys. Bindings are `plain_text`, `secret_text` and `json`; a Worker's default is
to be off workers.dev. Nothing outlives the emulators.

Every token will do that is not empty; `invalid…` is refused with 401, `forbidden…` lacks every permission, and
`nosubdomain…` has an account that has not chosen its workers.dev subdomain. Every account id of 32 hex digits exists.
"""

import re
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.routing import compile_path

from ..vendor import Answer, Call, Handler, Refusal, Route, Vendor
from ._cloudflare_proxy import answer_public
from ._cloudflare_scripts import Account, Script, accounts
from ._cloudflare_uploads import Binding, Metadata, describe_bindings, read_upload, resolve_bindings
from ._cloudflare_wire import (
    BINDING_NAME_TAKEN,
    BINDING_NOT_FOUND,
    INVALID,
    NO_SUBDOMAIN,
    NOT_FOUND,
    SECRET_ON_UNDEPLOYED_VERSION,
    error,
    error_frame,
    refusal,
    success,
    success_list,
)

_BASE = "/client/v4"
_PUBLIC = "/workers.dev/"
_SCRIPT_NAME = re.compile("[a-z0-9_][a-z0-9_-]{0,62}")
_SUBDOMAIN_MISSING = (
    "You need a workers.dev subdomain in order to proceed. Please go to the dashboard and open the Workers menu. "
    "Opening the Workers landing page for the first time will create a workers.dev subdomain automatically."
)


class _Share(BaseModel):
    version_id: str
    percentage: float


class _NewDeployment(BaseModel):
    strategy: str
    versions: list[_Share]
    annotations: dict[str, str] = {}


def authenticate(call: Call) -> None:
    """A bearer token, or e-mail and key. What is deployed is public."""
    if call.path.startswith(_PUBLIC):
        return
    token = _token(call)
    if not token:
        raise refusal(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    if token.startswith("invalid"):
        raise Refusal(error(401))
    if token.startswith("forbidden"):
        raise Refusal(error(403))
    if not re.fullmatch("[0-9a-f]{32}", call.params.get("account", "")):
        raise Refusal(_no_route(call))


def _token(call: Call) -> str:
    if call.headers.get("x-auth-email"):
        return call.headers.get("x-auth-key", "")
    return call.headers.get("authorization", "").removeprefix("Bearer").strip()


def _account(call: Call) -> Account:
    has_none = _token(call).startswith("nosubdomain")
    key = call.params["account"] + ("-without-subdomain" if has_none else "")
    return accounts.setdefault(key, Account(subdomain=None if has_none else "emulated"))


def _script(call: Call) -> Script:
    return _account(call).find(call.params["name"])


def _source(call: Call) -> str:
    return "wrangler" if call.headers.get("user-agent", "").startswith("wrangler/") else "api"


def _json_body(call: Call) -> dict[str, Any]:
    try:
        body = from_json(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(400, INVALID, "could not parse the request's body as a JSON object")
    return body


def put_script(call: Call) -> Answer:
    """Uploads and deploys. `bindings_inherit=strict` refuses an `inherit` that finds nothing."""
    account, name = _account(call), call.params["name"]
    if not _SCRIPT_NAME.fullmatch(name):
        raise refusal(400, 10016, "workers.api.error.invalid_script_name")
    upload = read_upload(call)
    if account.subdomain is None:
        raise refusal(403, NO_SUBDOMAIN, _SUBDOMAIN_MISSING)
    script = account.scripts.setdefault(name, Script(name))
    with script.lock:
        bindings = _new_bindings(call, script, upload.metadata)
        version = script.replace(upload, bindings, source=_source(call), triggered_by="upload")
        if upload.metadata.tags:
            script.settings["tags"] = upload.metadata.tags
    described = {
        **_describe(script),
        "deployment_id": version.id.replace("-", ""),
        "entry_point": upload.modules[0].name,
    }
    return success({**described, "startup_time_ms": script.running[version.id].startup_ms})


def _new_bindings(call: Call, script: Script, metadata: Metadata) -> list[Binding]:
    former = script.versions[-1].bindings if script.versions else []
    return resolve_bindings(metadata, former, strict=call.query.get("bindings_inherit") == ["strict"])


def _describe(script: Script) -> dict[str, object]:
    version = script.deployed
    metadata = version.upload.metadata
    return {
        "id": script.name,
        "tag": script.tag,
        "tags": script.settings.get("tags", []),
        "etag": version.upload.etag,
        "handlers": ["fetch"],
        "created_on": script.created_on,
        "modified_on": script.deployments[-1].created_on,
        "has_assets": False,
        "has_modules": not version.upload.is_service_worker,
        "compatibility_date": metadata.compatibility_date,
        "compatibility_flags": metadata.compatibility_flags,
        "usage_model": metadata.usage_model,
        "logpush": False,
        "last_deployed_from": version.source,
    }


def list_scripts(call: Call) -> Answer:
    scripts = sorted(_account(call).scripts.values(), key=lambda script: script.name)
    return success_list([_describe(script) for script in scripts if script.deployments])


def get_script(call: Call) -> Answer:
    """The main module's text, without an envelope."""
    main = _script(call).deployed.upload.modules[0]
    return Answer(200, [(b"content-type", b"application/javascript")], [main.content])


def delete_script(call: Call) -> Answer:
    _account(call).delete(call.params["name"])
    return success(None)


def get_settings(call: Call) -> Answer:
    script = _script(call)
    version = script.deployed
    metadata = version.upload.metadata
    return success(
        {
            "bindings": describe_bindings(version.bindings),
            "compatibility_date": metadata.compatibility_date,
            "compatibility_flags": metadata.compatibility_flags,
            "usage_model": metadata.usage_model,
            "limits": metadata.limits,
            "annotations": version.annotations,
            "placement": {},
            "tags": script.settings.get("tags", []),
            "tail_consumers": None,
            "logpush": False,
        }
    )


def get_script_settings(call: Call) -> Answer:
    return success(_script(call).settings)


def patch_script_settings(call: Call) -> Answer:
    script = _script(call)
    script.settings |= _json_body(call)
    return success(script.settings)


def get_service(call: Call) -> Answer:
    """What wrangler asks first; not in the API's documentation."""
    described = _describe(_script(call))
    environment = {"environment": "production", "script": described}
    return success({"id": described["id"], "default_environment": environment})


def get_worker(call: Call) -> Answer:
    """The Worker resource; of it, what wrangler reads."""
    account, script = _account(call), _script(call)
    subdomain = {
        **_describe_subdomain(script),
        "url": f"https://{script.name}.{account.subdomain}.workers.dev",
    }
    return success({"id": script.tag, "name": script.name, "subdomain": subdomain})


def _describe_subdomain(script: Script) -> dict[str, bool]:
    return {"enabled": script.workers_dev, "previews_enabled": script.previews}


def get_subdomain(call: Call) -> Answer:
    return success(_describe_subdomain(_script(call)))


def post_subdomain(call: Call) -> Answer:
    script, body = _script(call), _json_body(call)
    enabled = body.get("enabled")
    previews = body.get("previews_enabled", enabled)
    if not isinstance(enabled, bool) or not isinstance(previews, bool):
        raise refusal(400, INVALID, "enabled and previews_enabled must be booleans")
    script.workers_dev, script.previews = enabled, previews
    return success(_describe_subdomain(script))


def delete_subdomain(call: Call) -> Answer:
    script = _script(call)
    script.workers_dev = script.previews = False
    return success(_describe_subdomain(script))


def get_account_subdomain(call: Call) -> Answer:
    subdomain = _account(call).subdomain
    if subdomain is None:
        raise refusal(404, NOT_FOUND, "You do not have a workers.dev subdomain.")
    return success({"subdomain": subdomain})


def put_account_subdomain(call: Call) -> Answer:
    subdomain = _json_body(call).get("subdomain")
    if not isinstance(subdomain, str) or not re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", subdomain):
        raise refusal(400, INVALID, "workers.api.error.invalid_subdomain")
    _account(call).subdomain = subdomain
    return success({"subdomain": subdomain})


def list_secrets(call: Call) -> Answer:
    return success_list([_describe_secret(name) for name in sorted(_script(call).deployed.secrets)])


def get_secret(call: Call) -> Answer:
    return success(_describe_secret(_find_secret(call)))


def put_secret(call: Call) -> Answer:
    secret = _json_body(call)
    _change_secrets(call, {str(secret.get("name") or ""): secret})
    return success(_describe_secret(secret["name"]))


def delete_secret(call: Call) -> Answer:
    _change_secrets(call, {_find_secret(call): None})
    return success(None)


def patch_secrets(call: Call) -> Answer:
    """Many at once: `{"secrets": {name: {"name", "type", "text"} or null to delete}}`."""
    changes = _json_body(call).get("secrets")
    if not isinstance(changes, dict):
        raise refusal(400, INVALID, "secrets must be an object")
    _change_secrets(call, changes)
    return success({name: _describe_secret(name) for name in sorted(_script(call).deployed.secrets)})


def _describe_secret(name: str) -> dict[str, object]:
    return {"name": name, "type": "secret_text"}


def _find_secret(call: Call) -> str:
    if call.params["secret"] not in _script(call).deployed.secrets:
        raise refusal(404, BINDING_NOT_FOUND, f"Binding '{call.params['secret']}' not found.")
    return call.params["secret"]


def _change_secrets(call: Call, changes: dict[str, Any]) -> None:
    """Deploys the same code with other secrets."""
    script = _script(call)
    with script.lock:
        version = script.versions[-1]
        if version.id not in script.deployments[-1].shares:
            text = (
                "Secret edit failed. You attempted to modify a secret, but the latest version isn't currently deployed."
            )
            raise refusal(400, SECRET_ON_UNDEPLOYED_VERSION, text)
        bindings = {binding["name"]: binding for binding in version.bindings}
        for name, secret in changes.items():
            if bindings.get(name, {"type": "secret_text"})["type"] != "secret_text":
                raise refusal(
                    400, BINDING_NAME_TAKEN, f"Binding name '{name}' already in use. Please use a different name."
                )
            if secret is None:
                bindings.pop(name, None)
            elif name and secret.get("type", "secret_text") == "secret_text" and isinstance(secret.get("text"), str):
                bindings[name] = {"name": name, "type": "secret_text", "text": secret["text"]}
            else:
                raise refusal(400, INVALID, "a secret must have a `name`, a `text` and the `type` secret_text")
        script.replace(version.upload, list(bindings.values()), source=_source(call), triggered_by="secret")


def list_versions(call: Call) -> Answer:
    """Newest first, in pages; `deployable` changes nothing, as all versions are."""
    found = [version.summarize() for version in reversed(_script(call).versions)]
    page, size = _number(call, "page", 1), _number(call, "per_page", 10)
    items = found[(page - 1) * size : page * size]
    info = {"page": page, "per_page": size, "count": len(items), "total_count": len(found)}
    return success({"items": items}, result_info=info)


def _number(call: Call, name: str, default: int) -> int:
    (text,) = call.query.get(name, [str(default)])[:1]
    if not text.isdecimal() or int(text) < 1:
        raise refusal(400, INVALID, f"{name} must be a positive number")
    return int(text)


def get_version(call: Call) -> Answer:
    return success(_script(call).version(call.params["version"]).describe())


def post_version(call: Call) -> Answer:
    """Uploads without deploying."""
    script, upload = _script(call), read_upload(call)
    with script.lock:
        bindings = _new_bindings(call, script, upload.metadata)
        version = script.add_version(upload, bindings, source=_source(call), triggered_by="version_upload")
    return success({**version.describe(), "startup_time_ms": script.running[version.id].startup_ms})


def list_deployments(call: Call) -> Answer:
    return success({"deployments": [deployment.describe() for deployment in reversed(_script(call).deployments)]})


def get_deployment(call: Call) -> Answer:
    for deployment in _script(call).deployments:
        if deployment.id == call.params["deployment"]:
            return success(deployment.describe())
    raise refusal(404, NOT_FOUND, "This deployment does not exist on this Worker.")


def post_deployment(call: Call) -> Answer:
    """Lets earlier versions answer again, or a newer one for the first time; `force=true` whatever their secrets."""
    script = _script(call)
    try:
        wanted = _NewDeployment.model_validate_json(call.body)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise refusal(400, INVALID, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from problem
    shares = {share.version_id: share.percentage for share in wanted.versions}
    if wanted.strategy != "percentage" or sum(shares.values()) != 100 or not 1 <= len(wanted.versions) <= 2:
        raise refusal(400, INVALID, "a deployment has the strategy percentage, and one or two versions that total 100")
    annotations = {"workers/triggered_by": "deployment", **wanted.annotations}
    force = call.query.get("force") == ["true"]
    return success(script.deploy(shares, annotations=annotations, source=_source(call), force=force).describe())


def unknown_route(call: Call) -> Answer:
    """405 where the path has other methods, else 404."""
    if any(pattern.match(call.path) for pattern in _PATTERNS):
        return error(405)
    return _no_route(call)


def _no_route(call: Call) -> Answer:
    path = call.path.removeprefix(_BASE)
    return error(404, f"Could not route to {path}, perhaps your object identifier is invalid?", code="7003")


_WORKERS = _BASE + "/accounts/{account}/workers"
_SCRIPT = _WORKERS + "/scripts/{name}"
_HANDLERS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", f"{_WORKERS}/scripts", list_scripts),
    ("GET", f"{_WORKERS}/subdomain", get_account_subdomain),
    ("PUT", f"{_WORKERS}/subdomain", put_account_subdomain),
    ("GET", _WORKERS + "/services/{name}", get_service),
    ("GET", _WORKERS + "/workers/{name}", get_worker),
    ("PUT", _SCRIPT, put_script),
    ("GET", _SCRIPT, get_script),
    ("DELETE", _SCRIPT, delete_script),
    ("GET", f"{_SCRIPT}/settings", get_settings),
    ("GET", f"{_SCRIPT}/script-settings", get_script_settings),
    ("PATCH", f"{_SCRIPT}/script-settings", patch_script_settings),
    ("GET", f"{_SCRIPT}/subdomain", get_subdomain),
    ("POST", f"{_SCRIPT}/subdomain", post_subdomain),
    ("DELETE", f"{_SCRIPT}/subdomain", delete_subdomain),
    ("GET", f"{_SCRIPT}/secrets", list_secrets),
    ("PUT", f"{_SCRIPT}/secrets", put_secret),
    ("GET", _SCRIPT + "/secrets/{secret}", get_secret),
    ("DELETE", _SCRIPT + "/secrets/{secret}", delete_secret),
    ("PATCH", f"{_SCRIPT}/secrets-bulk", patch_secrets),
    ("GET", f"{_SCRIPT}/versions", list_versions),
    ("POST", f"{_SCRIPT}/versions", post_version),
    ("GET", _SCRIPT + "/versions/{version}", get_version),
    ("GET", f"{_SCRIPT}/deployments", list_deployments),
    ("POST", f"{_SCRIPT}/deployments", post_deployment),
    ("GET", _SCRIPT + "/deployments/{deployment}", get_deployment),
)
_PATTERNS = [compile_path(path)[0] for _, path, _ in _HANDLERS]
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

vendor = Vendor(
    name="cloudflare",
    base_path=_BASE,
    routes=(
        # Slow, all of them: whoever changes a script holds its lock until the new one has started.
        *(Route(method, path, handler, slow=True) for method, path, handler in _HANDLERS),
        *(
            Route(method, path, answer_public, slow=True)
            for method in _METHODS
            for path in (_PUBLIC + "{name}", _PUBLIC + "{name}/{path:path}")
        ),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=100 * 1024 * 1024,
)
