"""Every path of the jobs API, and the resource that answers it."""

from __future__ import annotations

from restapi.dialects.jobs import files, jobs, overviews, runs
from restapi.dialects.run_api import RunRoute
from restapi.http.route_tree import ID, REST, RUN

_TAIL = f"/jobs/{ID}/runs/{RUN}/tail/{REST}"

ROUTES: tuple[RunRoute, ...] = (
    RunRoute("/users/me", overviews.Me),
    RunRoute("/analyses", overviews.Analyses),
    RunRoute("/coretypes", overviews.CoreTypes),
    RunRoute("/files", files.Files),
    RunRoute("/files/contents", files.Upload),
    RunRoute("/files/content", files.Upload),
    RunRoute(f"/files/{ID}", files.File),
    RunRoute(f"/files/{ID}/contents", files.Contents),
    RunRoute(f"/files/{ID}/lines", files.Lines),
    RunRoute("/jobs", jobs.Jobs),
    RunRoute(f"/jobs/{ID}", jobs.Job),
    RunRoute(f"/jobs/{ID}/submit", jobs.Submit),
    RunRoute(f"/jobs/{ID}/stop", jobs.Stop),
    RunRoute(f"/jobs/{ID}/clone", jobs.Clone),
    RunRoute(f"/jobs/{ID}/statuses", jobs.Statuses),
    RunRoute(f"/jobs/{ID}/cluster_statuses", jobs.ClusterStatuses),
    RunRoute(f"/jobs/{ID}/files", runs.JobFiles),
    RunRoute(f"/jobs/{ID}/runs", runs.Runs),
    RunRoute(f"/jobs/{ID}/runs/{RUN}", runs.Run),
    RunRoute(f"/jobs/{ID}/runs/{RUN}/files", runs.RunFiles),
    RunRoute(f"/jobs/{ID}/runs/{RUN}/stop", runs.StopRun),
    RunRoute(f"/jobs/{ID}/runs/{RUN}/directory-contents", runs.DirectoryContents),
    RunRoute(_TAIL, runs.Tail),
)
"""Below `/api/v2` and `/USER/api/v2`."""

OF_USER: tuple[RunRoute, ...] = (RunRoute("/", overviews.Overview),)
"""Below `/USER/api/v2` alone: the other root is that of AiiDA's version 2."""

LINKED: tuple[RunRoute, ...] = (RunRoute(_TAIL, runs.Tail),)
"""Below `/api` and `/USER/api`, where the links of a list of files lead to."""
