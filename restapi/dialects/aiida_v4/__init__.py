"""The AiiDA REST API, version 4, at `/api/v4`: what `verdi restapi` of AiiDA 2 answers, and today's clients ask."""

from __future__ import annotations

from flask import Blueprint

from querylang.parse import Parser
from restapi.config import Settings
from restapi.dialects.aiida_v4.options import OPTIONS
from restapi.dialects.aiida_v4.routes import DIALECT, ROUTES
from restapi.dialects.resource import mount
from restapi.http import errors
from restapi.http.context import Context
from restapi.http.lazy_storage import LazyStorage
from restapi.http.route_tree import Ways

__all__ = ["DIALECT", "ROUTES", "blueprint"]


def blueprint(storage: LazyStorage, settings: Settings, ways: Ways) -> Blueprint:
    context = Context(DIALECT.prefix, storage, settings, OPTIONS, Parser(OPTIONS))
    made = mount("aiida_v4", context, ROUTES, {}, ways)
    errors.register_for(made, errors.V4_STATUSES)
    return made
