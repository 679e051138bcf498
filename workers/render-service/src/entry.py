"""The entry point of render-service; its routes are in `render.py`, the background work in `follow.py`."""

from follow import follow
from render import app

from electrons.runtime.entrypoint import create_entrypoint
from electrons.runtime.workflow import create_workflow

Default = create_entrypoint(app)
RenderWorkflow = create_workflow("RenderWorkflow", app, follow)
