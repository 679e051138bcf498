"""What wrangler asks before it deletes a Worker, and the deletion; and the classes of Durable Objects."""

from ...vendor import Call, Response
from .accounts import Account
from .calls import account_of, page_of, script_of
from .http import NOT_FOUND, refusal, success
from .resources import ObjectClass
from .store import Script

_IN_USE = 10064


def delete_service(call: Call) -> Response:
    """Delete a script; without `force=true` only if no other script has a binding to its Durable Objects."""
    account, script = account_of(call), script_of(call)
    users = _users_of_classes(account, script)
    if users and call.query_value("force") != "true":
        names = ", ".join(sorted({name for name, _ in users}))
        raise refusal(400, _IN_USE, f"Cannot delete this Worker as it is in use by other Workers: {names}")
    account.delete(script.name)
    return success(None)


def get_references(call: Call) -> Response:
    """Return which other scripts depend on this one."""
    account, script = account_of(call), script_of(call)
    objects = [
        {
            "service": user,
            "environment": "production",
            "durable_object_namespace_id": found.id,
            "durable_object_namespace_name": _name(found),
        }
        for user, found in _users_of_classes(account, script)
    ]
    services: dict[str, object] = {"incoming": [], "outgoing": [], "pages_function": False}
    return success({"services": services, "durable_objects": objects, "dispatch_outbounds": []})


def list_tail_producers(call: Call) -> Response:
    """Return the scripts whose logs this one consumes: none, because the emulator has no tail consumers."""
    if not call.params["name"]:
        raise refusal(404, NOT_FOUND, "This Worker does not exist on your account.")
    return success([])


def list_object_classes(call: Call) -> Response:
    """Return a page of the classes of Durable Objects."""
    page = page_of(call, list(account_of(call).resources.object_classes.values()), cap=1000)
    described = [
        {
            "id": found.id,
            "name": _name(found),
            "script": found.script,
            "class": found.class_name,
            "use_sqlite": found.use_sqlite,
        }
        for found in page.items
    ]
    return success(described, result_info=page.info)


def _users_of_classes(account: Account, script: Script) -> list[tuple[str, ObjectClass]]:
    return [
        (other.name, found)
        for found in account.classes_of(script.name)
        for other in account.deployed_scripts()
        if other.name != script.name
        and any(binding.get("namespace_id") == found.id for binding in other.deployed.bindings)
    ]


def _name(found: ObjectClass) -> str:
    return f"{found.script}_{found.class_name}"
