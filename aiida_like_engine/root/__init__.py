"""A ROOT, the folder of an engine: the names of its files, and what its operator wrote into them."""
