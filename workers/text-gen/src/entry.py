"""The entry point of text-gen; its routes are in `text_gen/routes.py`."""

from electrons.runtime.entrypoint import create_entrypoint
from text_gen.routes import app

Default = create_entrypoint(app)
