"""The HTTP interfaces; none knows another."""
