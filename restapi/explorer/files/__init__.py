"""Folders and files of nodes."""
