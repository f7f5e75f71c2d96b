"""Where a node comes from and what came of it, as a picture."""
