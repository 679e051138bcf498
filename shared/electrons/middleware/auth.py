"""Says who calls. Public routes need nobody; `AUTH_MODE=open` takes everybody, by address."""

from electrons.context import Context, Principal
from electrons.errors import UnavailableError
from electrons.http import Response
from electrons.middleware import Next


async def auth(context: Context, call_next: Next) -> Response:
    """Sets `context.principal`. A deployment that requires keys and has no key table refuses; it is never open."""
    route = context.route
    if (route is None or not route.public) and context.settings.auth_mode != "open":
        raise UnavailableError(
            "This deployment requires API keys and has no key table; set `AUTH_MODE` to `open` to run without keys",
            code="AUTH_UNAVAILABLE",
        )
    context.principal = Principal(id=context.request.client_address)
    return await call_next(context)
