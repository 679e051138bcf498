"""The entry point of render-service; its routes are in `routes.py`, the background work in `follow.py`."""

from electrons.runtime.entrypoint import create_entrypoint
from electrons.runtime.workflow import create_workflow
from render_service.follow import follow
from render_service.routes import app

Default = create_entrypoint(app)
RenderWorkflow = create_workflow("RenderWorkflow", app, follow)
