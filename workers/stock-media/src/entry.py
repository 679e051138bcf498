"""The entry point of stock-media; its routes are in `stock_media/routes.py`."""

from electrons.runtime.entrypoint import create_handlers
from stock_media.routes import app

on_fetch, on_scheduled = create_handlers(app)
