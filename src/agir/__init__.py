"""agir."""
