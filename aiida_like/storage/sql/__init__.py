"""SQL that means the same on both databases, as expressions, and what of it SQLite is taught in Python."""
