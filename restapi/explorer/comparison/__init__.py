"""Two nodes beside one another."""
