"""Rollouts, statistics, reports."""
