"""The tables of this worker in D1."""
