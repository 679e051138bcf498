"""Cloudflare's Workers API, version 4, as of November 2026: what is uploaded really runs, on workerd.

Sources: https://developers.cloudflare.com/api/resources/workers/, the SDKs cloudflare 5.9.0 (PyPI) and 7.3.0 (npm), and
what wrangler 4.164 asks for when it deploys. Bindings are `plain_text`, `secret_text` and `json`; a Worker's default is
to be off workers.dev. Nothing outlives the emulators.

Every token will do that is not empty; `invalid…` is refused with 401, `forbidden…` lacks every permission, and
`nosubdomain…` has an account that has not chosen its workers.dev subdomain. Every account id of 32 hex digits exists.
"""

import re

from starlette.routing import compile_path

from ...vendor import Answer, Call, Handler, Refusal, Route, Vendor
from .answers import INVALID, NO_SUBDOMAIN, NOT_FOUND, error, error_frame, refusal, success, success_list
from .calls import account_of, json_body, new_bindings, script_of, source_of, token_of
from .proxy import answer_public
from .script_secrets import delete_secret, get_secret, list_secrets, patch_secrets, put_secret
from .store import Script
from .uploads import describe_bindings, read_upload
from .versions import (
    get_deployment,
    get_version,
    list_deployments,
    list_versions,
    post_deployment,
    post_version,
)

_BASE = "/client/v4"
_PUBLIC = "/workers.dev/"
_SCRIPT_NAME = re.compile("[a-z0-9_][a-z0-9_-]{0,62}")
_SUBDOMAIN_MISSING = (
    "You need a workers.dev subdomain in order to proceed. Please go to the dashboard and open the Workers menu. "
    "Opening the Workers landing page for the first time will create a workers.dev subdomain automatically."
)


def authenticate(call: Call) -> None:
    """A bearer token, or e-mail and key. What is deployed is public."""
    if call.path.startswith(_PUBLIC):
        return
    token = token_of(call)
    if not token:
        raise refusal(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    if token.startswith("invalid"):
        raise Refusal(error(401))
    if token.startswith("forbidden"):
        raise Refusal(error(403))
    if not re.fullmatch("[0-9a-f]{32}", call.params.get("account", "")):
        raise Refusal(_no_route(call))


def put_script(call: Call) -> Answer:
    """Uploads and deploys. `bindings_inherit=strict` refuses an `inherit` that finds nothing."""
    account, name = account_of(call), call.params["name"]
    if not _SCRIPT_NAME.fullmatch(name):
        raise refusal(400, 10016, "workers.api.error.invalid_script_name")
    upload = read_upload(call)
    if account.subdomain is None:
        raise refusal(403, NO_SUBDOMAIN, _SUBDOMAIN_MISSING)
    script = account.scripts.setdefault(name, Script(name))
    with script.lock:
        bindings = new_bindings(call, script, upload.metadata)
        version = script.replace(upload, bindings, source=source_of(call), triggered_by="upload")
        if upload.metadata.tags:
            script.settings["tags"] = upload.metadata.tags
    described = {
        **_describe(script),
        "deployment_id": version.id.replace("-", ""),
        "entry_point": upload.modules[0].name,
    }
    return success({**described, "startup_time_ms": script.running[version.id].startup_ms})


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
    scripts = sorted(account_of(call).scripts.values(), key=lambda script: script.name)
    return success_list([_describe(script) for script in scripts if script.deployments])


def get_script(call: Call) -> Answer:
    """The main module's text, without an envelope."""
    main = script_of(call).deployed.upload.modules[0]
    return Answer(200, [(b"content-type", b"application/javascript")], [main.content])


def delete_script(call: Call) -> Answer:
    account_of(call).delete(call.params["name"])
    return success(None)


def get_settings(call: Call) -> Answer:
    script = script_of(call)
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
    return success(script_of(call).settings)


def patch_script_settings(call: Call) -> Answer:
    script = script_of(call)
    script.settings |= json_body(call)
    return success(script.settings)


def get_service(call: Call) -> Answer:
    """What wrangler asks first; not in the API's documentation."""
    described = _describe(script_of(call))
    environment = {"environment": "production", "script": described}
    return success({"id": described["id"], "default_environment": environment})


def get_worker(call: Call) -> Answer:
    """The Worker resource; of it, what wrangler reads."""
    account, script = account_of(call), script_of(call)
    subdomain = {
        **_describe_subdomain(script),
        "url": f"https://{script.name}.{account.subdomain}.workers.dev",
    }
    return success({"id": script.tag, "name": script.name, "subdomain": subdomain})


def _describe_subdomain(script: Script) -> dict[str, bool]:
    return {"enabled": script.workers_dev, "previews_enabled": script.previews}


def get_subdomain(call: Call) -> Answer:
    return success(_describe_subdomain(script_of(call)))


def post_subdomain(call: Call) -> Answer:
    script, body = script_of(call), json_body(call)
    enabled = body.get("enabled")
    previews = body.get("previews_enabled", enabled)
    if not isinstance(enabled, bool) or not isinstance(previews, bool):
        raise refusal(400, INVALID, "enabled and previews_enabled must be booleans")
    script.workers_dev, script.previews = enabled, previews
    return success(_describe_subdomain(script))


def delete_subdomain(call: Call) -> Answer:
    script = script_of(call)
    script.workers_dev = script.previews = False
    return success(_describe_subdomain(script))


def get_account_subdomain(call: Call) -> Answer:
    subdomain = account_of(call).subdomain
    if subdomain is None:
        raise refusal(404, NOT_FOUND, "You do not have a workers.dev subdomain.")
    return success({"subdomain": subdomain})


def put_account_subdomain(call: Call) -> Answer:
    subdomain = json_body(call).get("subdomain")
    if not isinstance(subdomain, str) or not re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", subdomain):
        raise refusal(400, INVALID, "workers.api.error.invalid_subdomain")
    account_of(call).subdomain = subdomain
    return success({"subdomain": subdomain})


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
