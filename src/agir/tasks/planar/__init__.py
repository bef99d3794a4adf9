"""Planar: a small world of contact for claims about manipulation. See `agir.tasks.planar.task`."""
