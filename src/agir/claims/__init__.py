"""One file per claim, and the ledger."""
