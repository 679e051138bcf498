"""The entry point of sandbox-executor; its routes are in `sandbox_executor/routes.py`."""

from electrons.runtime.entrypoint import create_entrypoint
from sandbox_executor.routes import app

Default = create_entrypoint(app)
