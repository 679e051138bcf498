"""The entry point of image-gen; its routes are in `image_gen/routes.py`."""

from electrons.runtime.entrypoint import create_handlers
from image_gen.routes import app

on_fetch, on_scheduled = create_handlers(app)
