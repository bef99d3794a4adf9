"""Representations of actions: chunks, bins, codes, tokens."""
