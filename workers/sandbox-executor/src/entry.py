"""The entry point of sandbox-executor; its routes are in `sandbox.py`."""

from sandbox import app

from electrons.runtime.entrypoint import create_entrypoint

Default = create_entrypoint(app)
