"""The AiiDA REST API, version 4, at `/api/v4`: what `verdi restapi` of AiiDA 2 answers, and today's clients ask."""

from __future__ import annotations

from restapi.dialects.aiida_v4.options import OPTIONS
from restapi.dialects.aiida_v4.routes import DIALECT, ROUTES
from restapi.dialects.resource import Interface
from restapi.http.errors import V4_STATUSES, no_route

__all__ = ["DIALECT", "INTERFACE", "ROUTES"]

INTERFACE = Interface(DIALECT.prefix, OPTIONS, ROUTES, {}, V4_STATUSES, no_route)
