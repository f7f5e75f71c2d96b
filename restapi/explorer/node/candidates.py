"""The page of a node that is not there, or of several: nodes whose uuids begin so are listed as links."""

from __future__ import annotations

import re
from http import HTTPStatus

from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import NodeRow
from restapi.explorer.visit import Visit
from restapi.layout import Page

_MOST = 20
_FIELDS = "id,uuid,label,node_type,ctime,attributes.process_label,attributes.process_state,attributes.exit_status"
_IS_PREFIX = re.compile("[0-9a-f-]{1,36}").fullmatch


def page_of(visit: Visit, path_id: str, refused: ApiRefused) -> Page:
    """The page of the candidates. Raises ApiRefused: there are none, or something else was wrong."""
    prefix = path_id.lower()
    if refused.status != HTTPStatus.BAD_REQUEST or not _IS_PREFIX(prefix):
        raise refused
    asked = f'uuid=startswith="{prefix}"&orderby=uuid&limit={visit.at_most(_MOST)}&fields={_FIELDS}'
    found = visit.api.ask("/nodes", asked)
    rows = found.data["nodes"]
    if len(rows) < 2:  # noqa: PLR2004 one is not ambiguous
        raise refused
    values = {"prefix": prefix, "nodes": [NodeRow(row) for row in rows], "total": found.total or len(rows)}
    return Page("node/candidates.html", "Several nodes", values, styles=("node.css",), status=refused.status)
