"""Scripts and their settings: `/workers/scripts/{name}`, `/settings`, `/script-settings`, `/services`, `/workers`."""

import re

from ...vendor import Call, Response
from .accounts import Account
from .bindings import describe_bindings
from .calls import account_of, new_bindings, parse_body, script_of, source_of
from .http import NO_SUBDOMAIN, refusal, success, success_list
from .migrations import check_deletions, migrate
from .releases import Version
from .resources import ScriptClasses
from .store import Script
from .subdomains import describe_subdomain
from .uploads import Upload, read_upload

_SCRIPT_NAME = re.compile("[a-z0-9_][a-z0-9_-]{0,62}")
# The fields of an upload that are settings of the script, not of its version.
_SETTINGS = {"tags", "observability", "logpush"}
_SUBDOMAIN_MISSING = (
    "You need a workers.dev subdomain in order to proceed. Please go to the dashboard and open the Workers menu. "
    "Opening the Workers landing page for the first time will create a workers.dev subdomain automatically."
)


def put_script(call: Call) -> Response:
    """Upload a version and deploy it; `bindings_inherit=strict` refuses an `inherit` without a previous binding."""
    account, name = account_of(call), call.params["name"]
    if not _SCRIPT_NAME.fullmatch(name):
        raise refusal(400, 10016, "workers.api.error.invalid_script_name")
    upload = read_upload(call)
    if account.subdomain is None:
        raise refusal(403, NO_SUBDOMAIN, _SUBDOMAIN_MISSING)
    with account.lock:
        script = account.scripts.setdefault(name, Script(name, account))
    with script.lock:
        version = _deploy(call, account, script, upload)
        script.settings |= upload.metadata.model_dump(include=_SETTINGS, exclude_unset=True)
    described = {
        **_describe(script),
        "deployment_id": version.id.replace("-", ""),
        "entry_point": upload.modules[0].name,
    }
    return success({**described, "startup_time_ms": script.running[version.id].startup_ms})


def _deploy(call: Call, account: Account, script: Script, upload: Upload) -> Version:
    """Migrate the script's Durable Objects, add the version and deploy it; if anything fails, nothing has changed."""
    before = account.resources.object_classes
    classes, tag = migrate(before, upload.metadata.migrations, script=script.name, tag=script.migration_tag)
    bindings = new_bindings(call, script, upload.metadata, classes=classes)
    check_deletions(before, classes, bindings, script=script.name)
    own = ScriptClasses([one for one in classes.values() if one.script == script.name], tag)
    version = script.replace(upload, bindings, source=source_of(call), triggered_by="upload", objects=own)
    if classes is not before:
        with account.lock:
            account.resources.object_classes = classes
        account.platform.mark_outdated()
    script.migration_tag = tag
    return version


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
        **({"migration_tag": script.migration_tag} if script.migration_tag else {}),
    }


def list_scripts(call: Call) -> Response:
    """Return the deployed scripts."""
    return success_list([_describe(script) for script in account_of(call).deployed_scripts()])


def get_script(call: Call) -> Response:
    """Return the main module's text, without an envelope."""
    main = script_of(call).deployed.upload.modules[0]
    return Response(200, [(b"content-type", b"application/javascript")], [main.content])


def delete_script(call: Call) -> Response:
    """Stop and delete a script."""
    account_of(call).delete(call.params["name"])
    return success(None)


def get_settings(call: Call) -> Response:
    """Return the settings of the deployed version."""
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
            "tail_consumers": None,
            "logpush": False,
            "tags": [],
            **script.settings,
        }
    )


def get_script_settings(call: Call) -> Response:
    """Return the settings that are independent of the version."""
    return success(script_of(call).settings)


def patch_script_settings(call: Call) -> Response:
    """Change the settings that are independent of the version."""
    script = script_of(call)
    script.settings |= parse_body(call)
    return success(script.settings)


def get_service(call: Call) -> Response:
    """Return a script in the form that wrangler requests first, which is not documented."""
    described = _describe(script_of(call))
    environment = {"environment": "production", "script": described}
    return success({"id": described["id"], "default_environment": environment})


def get_worker(call: Call) -> Response:
    """Return the Worker resource, with the fields that wrangler reads."""
    account, script = account_of(call), script_of(call)
    subdomain = {
        **describe_subdomain(script),
        "url": f"https://{script.name}.{account.subdomain}.workers.dev",
        "preview_url_suffix": f"-{script.name}.{account.subdomain}.workers.dev",
    }
    return success({"id": script.tag, "name": script.name, "subdomain": subdomain})
