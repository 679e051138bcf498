"""The entry point of render-service; its routes are in `routes.py`, the background work in `follow.py`."""

from electrons.runtime.entrypoint import create_handlers
from electrons.runtime.workflow import create_workflow
from render_service.follow import follow
from render_service.routes import app

on_fetch, on_scheduled = create_handlers(app)
RenderWorkflow = create_workflow("RenderWorkflow", app, follow)
