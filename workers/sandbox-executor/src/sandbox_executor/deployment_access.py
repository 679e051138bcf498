"""What a caller may do to a Worker: allowed names, Workers of the caller's own key, no changes made elsewhere."""

from __future__ import annotations

from electrons.context import Context
from electrons.errors import ConflictError, ForbiddenError, NotFoundError, RequestError
from electrons.providers.cloudflare.provider import Live, Script
from electrons.providers.cloudflare.scripts import name_script
from sandbox_executor.names import find_worker_name_problem, is_allowed_worker_name
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.deployments import Deployments, LiveWorker


def deployments_table(context: Context) -> Deployments:
    """Return the table of deployments."""
    return Deployments(context.bindings.database)


def require_worker_access(context: Context, name: str) -> Script:
    """Return the Worker, if this deployment of the platform may change one of that name.

    Raises `MissingCredentialsError`, `RequestError` for what is not a name, and `ForbiddenError`.
    """
    script = name_script(context.settings, name)
    if problem := find_worker_name_problem(name):
        raise RequestError.for_field("worker_name", problem, text=f"worker_name: {problem}")
    if not is_allowed_worker_name(name, context.settings_as(SandboxSettings).allowed_worker_prefixes):
        raise ForbiddenError(
            f"A Worker named {name!r} may not be deployed: `ALLOWED_WORKER_PREFIXES` does not have it, "
            "or it is one of the platform's own"
        )
    return script


async def find_own_worker(context: Context, name: str) -> LiveWorker | None:
    """Return the caller's Worker, None if this platform has not deployed it.

    Raises `ConflictError` for a Worker of another key.
    """
    current = await deployments_table(context).find_live(name, key_id=context.principal.key_id)
    if current is not None and not current.is_own:
        raise ConflictError(f"The Worker {name!r} belongs to another API key: choose another name")
    return current


async def refuse_worker_of_others(context: Context, name: str) -> None:
    """Raise `ConflictError` for a Worker of another key."""
    await find_own_worker(context, name)


async def require_own_worker(context: Context, name: str) -> LiveWorker:
    """Return the caller's Worker. Raises `NotFoundError`, or `ConflictError` for a Worker of another key."""
    current = await find_own_worker(context, name)
    if current is None:
        raise not_deployed(name)
    return current


def refuse_changed_worker(current: LiveWorker | None, live: Live | None) -> None:
    """Raise `ConflictError` if another version was put live elsewhere.

    While a change from here is unconfirmed, a version that is not known may be its own.
    """
    if current is None or live is None or not current.is_sure:
        return
    if live != Live({current.row.version or "": 100.0}):
        raise ConflictError(
            f"The Worker {current.row.worker_name!r} was changed elsewhere: version {live.version} is live, "
            f"and {current.row.version} was deployed from here. It is left alone: delete it at Cloudflare, or make "
            "that version live there again, then repeat the request"
        )


def not_deployed(name: str) -> NotFoundError:
    """Return the error for a Worker that the caller has not deployed."""
    return NotFoundError(f"No Worker named {name!r} was deployed with this API key")
