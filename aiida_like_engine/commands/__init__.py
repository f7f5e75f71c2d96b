"""The commands `aiida-like engine ...`, which make, start, stop and look after an engine."""
