"""Rate limits: the algorithm (`gcra`), the header fields (`headers`), the client and the ledger behind it."""
