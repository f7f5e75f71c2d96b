"""Browser pages of the same data: what they show they ask of API v4, over its table of routes, and know no SQL."""

from restapi.explorer.mount import Explorer

__all__ = ["Explorer"]
