"""To which API key a row belongs: to its own, and to those that this one was rotated from or to."""

IS_OWN = (
    "COALESCE((SELECT COALESCE(first_id, id) FROM api_keys WHERE id = key_id), key_id) IS "
    "COALESCE((SELECT COALESCE(first_id, id) FROM api_keys WHERE id = ?1), ?1)"
)
"""Whether a row's key is the one of the first parameter, or both descend from the same key."""
