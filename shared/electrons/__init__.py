"""Distributed Electrons: what the workers share. Architecture and the way of a request: shared/README.md."""
