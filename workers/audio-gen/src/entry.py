"""The entry point of audio-gen; its routes are in `audio_gen/routes.py`."""

from audio_gen.routes import app
from electrons.runtime.entrypoint import create_handlers

on_fetch, on_scheduled = create_handlers(app)
