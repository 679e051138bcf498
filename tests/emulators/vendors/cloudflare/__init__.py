"""Cloudflare's API for Workers and what they bind, version 4, as of November 2026; uploaded Workers run on workerd.

Sources: https://developers.cloudflare.com/api/resources/workers/, the SDKs cloudflare 5.9.0 (PyPI) and 7.3.0 (npm), and
the requests of wrangler 4.164. A new Worker is disabled on workers.dev. Scripts are kept in memory, their data on disk
until the emulators start again.

Every token is accepted that is not empty; `invalid…` gets 401, `forbidden…` has no permission, and `nosubdomain…` has
an account without a workers.dev subdomain. Every account id of 32 hex digits exists.
"""

import re

from ...vendor import Call, Handler, Refusal, Response, Route, Vendor
from . import (
    d1,
    d1_files,
    identity,
    kv,
    r2,
    schedules,
    script_secrets,
    scripts,
    services,
    subdomains,
    tails,
    versions,
    workflows,
)
from .accounts import open_store
from .calls import token_of
from .http import error, error_frame, refusal
from .proxy import call_worker

_BASE = "/client/v4"
_PUBLIC = "/workers.dev/"


def authenticate(call: Call) -> None:
    """Check the bearer token, or e-mail and key; what is not Cloudflare's API is public."""
    if not call.path.startswith(_BASE):
        return
    token = token_of(call)
    if not token:
        raise refusal(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    if token.startswith("invalid"):
        raise Refusal(error(401))
    if token.startswith("forbidden"):
        raise Refusal(error(403))
    if not re.fullmatch("[0-9a-f]{32}", call.params.get("account", "0" * 32)):
        raise Refusal(_no_route(call))


def unknown_route(call: Call) -> Response:
    """Return 405 for a known path with another method, else 404."""
    if any(route.match(call.path) is not None for route in _API_ROUTES):
        return error(405)
    return _no_route(call)


def _no_route(call: Call) -> Response:
    path = call.path.removeprefix(_BASE)
    return error(404, f"Could not route to {path}, perhaps your object identifier is invalid?", code="7003")


_ACCOUNT = _BASE + "/accounts/{account}"
_WORKERS = f"{_ACCOUNT}/workers"
_SCRIPT = _WORKERS + "/scripts/{name}"
_D1 = f"{_ACCOUNT}/d1/database"
_DATABASE = _D1 + "/{database}"
_KV = f"{_ACCOUNT}/storage/kv/namespaces"
_NAMESPACE = _KV + "/{namespace}"
_R2 = f"{_ACCOUNT}/r2/buckets"
_BUCKET = _R2 + "/{bucket}"
_WORKFLOWS = f"{_ACCOUNT}/workflows"
_WORKFLOW = _WORKFLOWS + "/{workflow}"
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", f"{_WORKERS}/scripts", scripts.list_scripts),
    ("GET", f"{_WORKERS}/subdomain", subdomains.get_account_subdomain),
    ("PUT", f"{_WORKERS}/subdomain", subdomains.put_account_subdomain),
    ("GET", _WORKERS + "/services/{name}", scripts.get_service),
    ("GET", _WORKERS + "/workers/{name}", scripts.get_worker),
    ("PUT", _SCRIPT, scripts.put_script),
    ("GET", _SCRIPT, scripts.get_script),
    ("DELETE", _SCRIPT, scripts.delete_script),
    ("GET", f"{_SCRIPT}/settings", scripts.get_settings),
    ("GET", f"{_SCRIPT}/script-settings", scripts.get_script_settings),
    ("PATCH", f"{_SCRIPT}/script-settings", scripts.patch_script_settings),
    ("GET", f"{_SCRIPT}/subdomain", subdomains.get_subdomain),
    ("POST", f"{_SCRIPT}/subdomain", subdomains.post_subdomain),
    ("DELETE", f"{_SCRIPT}/subdomain", subdomains.delete_subdomain),
    ("GET", f"{_SCRIPT}/secrets", script_secrets.list_secrets),
    ("PUT", f"{_SCRIPT}/secrets", script_secrets.put_secret),
    ("GET", _SCRIPT + "/secrets/{secret}", script_secrets.get_secret),
    ("DELETE", _SCRIPT + "/secrets/{secret}", script_secrets.delete_secret),
    ("PATCH", f"{_SCRIPT}/secrets-bulk", script_secrets.patch_secrets),
    ("GET", f"{_SCRIPT}/versions", versions.list_versions),
    ("POST", f"{_SCRIPT}/versions", versions.post_version),
    ("GET", _SCRIPT + "/versions/{version}", versions.get_version),
    ("GET", f"{_SCRIPT}/deployments", versions.list_deployments),
    ("POST", f"{_SCRIPT}/deployments", versions.post_deployment),
    ("GET", _SCRIPT + "/deployments/{deployment}", versions.get_deployment),
    ("GET", f"{_SCRIPT}/schedules", schedules.get_schedules),
    ("PUT", f"{_SCRIPT}/schedules", schedules.put_schedules),
    ("GET", f"{_SCRIPT}/tails", tails.list_tails),
    ("POST", f"{_SCRIPT}/tails", tails.create_tail),
    ("DELETE", _SCRIPT + "/tails/{tail}", tails.delete_tail),
    ("GET", f"{_SCRIPT}/references", services.get_references),
    ("DELETE", _WORKERS + "/services/{name}", services.delete_service),
    ("GET", _WORKERS + "/tails/by-consumer/{name}", services.list_tail_producers),
    ("GET", f"{_WORKERS}/durable_objects/namespaces", services.list_object_classes),
    ("GET", _D1, d1.list_databases),
    ("POST", _D1, d1.create_database),
    ("GET", f"{_DATABASE}", d1.get_database),
    ("DELETE", f"{_DATABASE}", d1.delete_database),
    ("POST", f"{_DATABASE}/query", d1.query),
    ("POST", f"{_DATABASE}/raw", d1.query_raw),
    ("POST", f"{_DATABASE}/import", d1_files.import_file),
    ("POST", f"{_DATABASE}/export", d1_files.export_file),
    ("GET", f"{_DATABASE}/time_travel/bookmark", d1_files.get_bookmark),
    ("POST", f"{_DATABASE}/time_travel/restore", d1_files.restore),
    ("GET", _KV, kv.list_namespaces),
    ("POST", _KV, kv.create_namespace),
    ("GET", _NAMESPACE, kv.get_namespace),
    ("PUT", _NAMESPACE, kv.rename_namespace),
    ("DELETE", _NAMESPACE, kv.delete_namespace),
    ("GET", f"{_NAMESPACE}/keys", kv.list_keys),
    ("PUT", f"{_NAMESPACE}/bulk", kv.put_values),
    ("POST", f"{_NAMESPACE}/bulk/get", kv.get_values),
    ("POST", f"{_NAMESPACE}/bulk/delete", kv.delete_values),
    ("DELETE", f"{_NAMESPACE}/bulk", kv.delete_values),
    ("GET", _NAMESPACE + "/values/{key:path}", kv.get_value),
    ("PUT", _NAMESPACE + "/values/{key:path}", kv.put_value),
    ("DELETE", _NAMESPACE + "/values/{key:path}", kv.delete_value),
    ("GET", _NAMESPACE + "/metadata/{key:path}", kv.get_metadata),
    ("GET", _R2, r2.list_buckets),
    ("POST", _R2, r2.create_bucket),
    ("GET", _BUCKET, r2.get_bucket),
    ("DELETE", _BUCKET, r2.delete_bucket),
    ("GET", f"{_BUCKET}/objects", r2.list_objects),
    ("PUT", _BUCKET + "/objects/{key:path}", r2.put_object),
    ("GET", _BUCKET + "/objects/{key:path}", r2.get_object),
    ("DELETE", _BUCKET + "/objects/{key:path}", r2.delete_object),
    ("GET", _WORKFLOWS, workflows.list_workflows),
    ("PUT", _WORKFLOW, workflows.put_workflow),
    ("GET", _WORKFLOW, workflows.get_workflow),
    ("DELETE", _WORKFLOW, workflows.delete_workflow),
    ("GET", f"{_WORKFLOW}/versions", workflows.list_versions),
    ("GET", f"{_WORKFLOW}/instances", workflows.forward_instances),
    ("POST", f"{_WORKFLOW}/instances", workflows.forward_instances),
    *(
        (method, _WORKFLOW + "/instances/{rest:path}", workflows.forward_instances)
        for method in ("GET", "POST", "PATCH", "DELETE")
    ),
    ("GET", f"{_BASE}/user", identity.get_user),
    ("GET", f"{_BASE}/user/tokens/verify", identity.verify_token),
    ("GET", f"{_BASE}/memberships", identity.list_memberships),
    ("GET", f"{_BASE}/accounts", identity.list_accounts),
)
# All are slow, because a change of a script holds its lock until the new version has started.
_API_ROUTES = [Route(method, path, handler, slow=True) for method, path, handler in _ROUTES]
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

vendor = Vendor(
    name="cloudflare",
    base_path=_BASE,
    routes=(
        *_API_ROUTES,
        Route("POST", schedules.RUN, schedules.run_now, slow=True),
        Route("PUT", d1_files.FILES + "{file}", d1_files.put_file, slow=True),
        Route("GET", d1_files.FILES + "{file}", d1_files.get_file, slow=True),
        *(
            Route(method, path, call_worker, slow=True)
            for method in _METHODS
            for path in (_PUBLIC + "{name}", _PUBLIC + "{name}/{path:path}")
        ),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    start=open_store,
    max_body_bytes=100 * 1024 * 1024,
)
