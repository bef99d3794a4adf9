"""Environments and demonstrations."""
