"""Documentation, and what writes its tables of the code: `python -m docs.generate`."""
