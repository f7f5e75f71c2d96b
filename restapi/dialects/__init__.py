"""The HTTP interfaces that are spoken; none knows another."""
