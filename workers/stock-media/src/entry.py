"""The entry point of stock-media; its routes are in `stock.py`."""

from stock import app

from electrons.runtime.entrypoint import create_entrypoint

Default = create_entrypoint(app)
