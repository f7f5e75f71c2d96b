"""The wrapper of a job, a program of its own: it starts beside the job, watches it, and survives the engine.

Its modules are copied into the job's folder as one file, `_run/wrapper.pyz` (see `packed_wrapper`), and run there by
Python: what was submitted goes on as it began, whatever becomes of the engine and of this software. So they import the
standard library alone, and each other by relative names.
"""
