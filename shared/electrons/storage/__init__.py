"""What is stored: media in R2, API keys and the usage ledger in D1."""
