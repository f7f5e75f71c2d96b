"""Rows -> bodies of answers."""
