"""The graph: what is stored in an AiiDA profile or archive, and how to read it. No HTTP, no query strings."""
