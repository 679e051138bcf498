"""The entry point of text-gen; its routes are in `text.py`."""

from text import app

from electrons.runtime.entrypoint import create_entrypoint

Default = create_entrypoint(app)
