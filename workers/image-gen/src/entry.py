"""The entry point of image-gen; its routes are in `image_gen/routes.py`."""

from electrons.runtime.entrypoint import create_entrypoint
from image_gen.routes import app

Default = create_entrypoint(app)
