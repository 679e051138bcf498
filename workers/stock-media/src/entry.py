"""The entry point of stock-media; its routes are in `stock_media/routes.py`."""

from electrons.runtime.entrypoint import create_entrypoint
from stock_media.routes import app

Default = create_entrypoint(app)
