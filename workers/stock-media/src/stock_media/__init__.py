"""Stock media."""
