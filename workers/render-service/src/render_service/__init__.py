"""Video rendering."""
