"""Cloudflare's Workers API, version 4, as of November 2026; uploaded Workers run on workerd.

Sources: https://developers.cloudflare.com/api/resources/workers/, the SDKs cloudflare 5.9.0 (PyPI) and 7.3.0 (npm), and
the requests of wrangler 4.164 when it deploys. Bindings are `plain_text`, `secret_text` and `json`; a new Worker is
disabled on workers.dev. The emulator keeps everything in memory.

Every token is accepted that is not empty; `invalid…` gets 401, `forbidden…` has no permission, and `nosubdomain…` has
an account without a workers.dev subdomain. Every account id of 32 hex digits exists.
"""

import re

from ...vendor import Call, Handler, Refusal, Response, Route, Vendor
from . import script_secrets, scripts, subdomains, versions
from .calls import token_of
from .http import error, error_frame, refusal
from .proxy import call_worker

_BASE = "/client/v4"
_PUBLIC = "/workers.dev/"


def authenticate(call: Call) -> None:
    """Check the bearer token, or e-mail and key; deployed Workers are public."""
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


def unknown_route(call: Call) -> Response:
    """Return 405 for a known path with another method, else 404."""
    if any(route.match(call.path) is not None for route in _API_ROUTES):
        return error(405)
    return _no_route(call)


def _no_route(call: Call) -> Response:
    path = call.path.removeprefix(_BASE)
    return error(404, f"Could not route to {path}, perhaps your object identifier is invalid?", code="7003")


_WORKERS = _BASE + "/accounts/{account}/workers"
_SCRIPT = _WORKERS + "/scripts/{name}"
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
)
# All are slow, because a change of a script holds its lock until the new version has started.
_API_ROUTES = [Route(method, path, handler, slow=True) for method, path, handler in _ROUTES]
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

vendor = Vendor(
    name="cloudflare",
    base_path=_BASE,
    routes=(
        *_API_ROUTES,
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
    max_body_bytes=100 * 1024 * 1024,
)
