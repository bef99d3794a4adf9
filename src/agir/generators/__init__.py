"""How an action is produced from a context."""
