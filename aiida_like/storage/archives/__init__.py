"""The database of an archive, which may be anybody's: a copy of it that is safe to read, made once and kept."""
