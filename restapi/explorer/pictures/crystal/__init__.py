"""Structures of atoms."""
