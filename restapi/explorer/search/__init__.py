"""The field at the top of each page."""
