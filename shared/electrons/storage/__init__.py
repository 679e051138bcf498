"""D1, KV and R2 behind small typed interfaces (`runtime/bindings.py` implements them), and what is kept in them."""
