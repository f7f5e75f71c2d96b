"""Pages of the demo archive, each of another kind, for what looks at all of them."""

from __future__ import annotations

PAGES = {
    "profile": "/",
    "failure": "/nowhere",
    "docs": "/api/v4/docs",
    "nodes": "/nodes",
    "processes": '/processes?attributes.process_state="finished"&ctime%3E2024-05-01&facet=attributes.exit_status',
    "columns": '/nodes?node_type="data.core.structure.StructureData."&fields=id,label,attributes.kinds,ctime&limit=4',
    "no-rows": "/nodes?id%3E9999&user=1",
    "wrong-query": '/nodes?node_type=like="process.%25"&label=',
    "groups": "/groups",
    "group": "/groups/2",
    "computers": "/computers",
    "users": "/users",
    "search": "/search?q=Si",
    "structure": "/nodes/12",
    "alloy": "/nodes/14",
    "cif": "/nodes/15",
    "trajectory": "/nodes/69?step=1",
    "bands": "/nodes/85",
    "some-bands": "/nodes/85?from=-3&to=3",
    "curves": "/nodes/112",
    "arrays": "/nodes/111?array=dirty",
    "k-points": "/nodes/80",
    "pseudopotential": "/nodes/7",
    "code": "/nodes/1",
    "remote-folder": "/nodes/23",
    "single-file": "/nodes/114",
    "calculation": "/nodes/64",
    "failed-calculation": "/nodes/89",
    "failed-workflow": "/nodes/88",
    "workflow": "/nodes/61",
    "settings": "/nodes/104",
    "folder": "/nodes/113/files",
    "file": "/nodes/64/files/aiida.in",
    "file-html": "/nodes/114/files/report.html",
    "file-table": "/nodes/113/files/Gr%C3%B6%C3%9Fen/donn%C3%A9es%20%E5%9B%B3.csv",
    "file-bytes": "/nodes/113/files/bin/random.dat",
    "compare": "/compare?a=64&b=89",
    "compare-structures": "/compare?a=9&b=12",
    "lineage": "/nodes/61/lineage",
    "lineage-unfolded": "/nodes/61/lineage?open=61,63,81",
}
"""Paths below the mount, by what they show."""

STATUSES = {"failure": 404, "wrong-query": 400}
"""Those of pages that say what is wrong."""
