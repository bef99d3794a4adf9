"""Executors, guards, monitors, bundles, the server."""
