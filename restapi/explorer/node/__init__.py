"""`/nodes/ID`: all about one node."""

from restapi.explorer.node.page import view

__all__ = ["view"]
