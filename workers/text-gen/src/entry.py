"""The entry point of text-gen; its routes are in `text_gen/routes.py`."""

from electrons.runtime.entrypoint import create_handlers
from text_gen.routes import app

on_fetch, on_scheduled = create_handlers(app)
