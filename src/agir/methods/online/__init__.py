"""Methods that learn by acting."""
