"""Graphs, laid out in columns."""
