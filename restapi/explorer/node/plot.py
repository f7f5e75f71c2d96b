"""`/nodes/ID/plot.svg`: a plot of the page of a node, as a file that needs nothing else."""

from __future__ import annotations

from http import HTTPStatus

from restapi.explorer.ask import ApiRefused
from restapi.explorer.node.found import find_content
from restapi.explorer.pictures.plots.standalone import standalone
from restapi.explorer.viewers import panels_of
from restapi.explorer.visit import Visit
from restapi.http.reply import Reply
from restapi.layout import answer_picture


def download(visit: Visit, path_id: str) -> Reply:
    """The plot with a number, `?plot=1`, of those on the page; without one the first. Raises ApiRefused."""
    node = find_content(visit, path_id)
    asked = visit.options.get("plot", "0")
    plots = [plot for panel in panels_of(visit, node) for plot in panel.plots]
    found = next((plot for number, plot in enumerate(plots) if str(number) == asked), None)
    if found is None:
        raise ApiRefused(HTTPStatus.NOT_FOUND, f"the page of this node has no such plot: it has {len(plots)}")
    return answer_picture(standalone(found), f"plot-{node.id}.svg", visit.exchange)
