"""The entry point of image-gen; its routes are in `image.py`."""

from image import app

from electrons.runtime.entrypoint import create_entrypoint

Default = create_entrypoint(app)
