"""Targets, advantages and losses as pure functions."""
