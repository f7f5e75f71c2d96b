"""Queries -> rows: the one room that waits for the database."""
