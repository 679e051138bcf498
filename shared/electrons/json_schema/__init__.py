"""JSON Schema: whether a value fits a schema, and what the vendors enforce of it."""
