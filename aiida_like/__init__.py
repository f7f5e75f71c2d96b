"""The graph: what is stored in an AiiDA profile or archive, and how to read it. No HTTP, no query strings."""

from importlib.metadata import version

__version__ = version("aiida-like")
