"""What callers send and get, one file per capability. pydantic lives at this border only."""
