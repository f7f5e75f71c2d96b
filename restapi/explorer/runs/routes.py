"""The pages of runs, which are only there with an engine."""

from __future__ import annotations

from functools import partial

from restapi.dialects.run_pages import UPLOAD_PAGE
from restapi.explorer.routes import PageRoute
from restapi.explorer.runs import form, listing, run
from restapi.explorer.runs.visit import begin, guarded
from restapi.http.route_tree import ID

_Route = partial(PageRoute, here="/runs", begin=begin)

RUN_ROUTES = (
    _Route("/runs", listing.read, parts={"live": listing.live}),
    _Route("/runs/new", form.read, guarded(form.take)),
    # A token would come after the file, or stand in the URL: the origin of the request has to be enough.
    _Route(UPLOAD_PAGE, take=guarded(form.take_file, has_token=False)),
    _Route(f"/runs/{ID}", run.read, guarded(run.take), parts={"live": run.live}),
)
