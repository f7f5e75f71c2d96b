"""A URL of each resource, and some that are wrong."""

from __future__ import annotations

from tests.golden import graph

V2 = [
    "/",
    "/openapi.json",
    "/server",
    "/server/endpoints",
    "/nodes",
    '/nodes?id>45&type=like="%data%"&orderby=-ctime&limit=5',
    "/nodes/page",
    "/nodes/page/2?perpage=10",
    "/users",
    "/computers/?limit=3&offset=2&orderby=id",
    "/users/2",
    f"/nodes/{graph.silicon}",
    "/nodes/schema",
    "/nodes/statistics?user=1",
    "/nodes/types",
    f"/nodes/{graph.silicon}/io/inputs",
    f"/nodes/{graph.silicon}/io/outputs",
    f"/nodes/{graph.silicon}/io/tree?in_limit=1",
    *(
        f"/nodes/{graph.relax_scf}/{resource}"
        for resource in ("ancestors", "descendants?depth=2", "graph", "graph?depth=1&per_type=1", "prov", "ro-crate")
    ),
    "/calculations/338357f4-f2/io/retrieved_inputs",
    "/calculations/338357f4-f2/io/retrieved_outputs",
    '/calculations/338357f4-f2/io/retrieved_outputs?filename="aiida.out"&rtype=download',
    f"/nodes/{graph.silicon}/content/attributes?alist=cell",
    f"/nodes/{graph.silicon}/content/extras",
    f"/structures/{graph.silicon}/content/visualization?visformat=xsf",
    f"/structures/{graph.silicon}/content/download?format=cif",
    f"/nodes/{graph.array}/content/download?format=npz",
    f"/bands/{graph.bands}/content/download",
]

V4 = [
    "/",
    "/openapi.json",
    "/server",
    "/server/endpoints",
    "/nodes?attributes=true&extras=true&orderby=-ctime&limit=5",
    '/nodes?full_type="process.%25|%25"',
    "/nodes/page/2",
    f"/nodes/{graph.silicon}",
    "/users",
    "/users/2",
    "/groups",
    "/computers",
    "/nodes/projectable_properties",
    "/nodes/statistics",
    "/nodes/full_types",
    "/nodes/full_types_count",
    "/nodes/download_formats",
    f"/nodes/{graph.silicon}/links/incoming",
    f"/nodes/{graph.silicon}/links/outgoing",
    f"/nodes/{graph.silicon}/links/tree",
    *(
        f"/nodes/{graph.relax_scf}/{resource}"
        for resource in ("ancestors?depth=2", "descendants", "graph?limit=3", "prov", "ro-crate")
    ),
    f"/nodes/{graph.silicon}/contents/attributes",
    f"/nodes/{graph.silicon}/contents/extras",
    f"/nodes/{graph.silicon}/contents/derived_properties",
    f"/nodes/{graph.silicon}/contents/comments",
    f"/nodes/{graph.relax_scf}/graph?depth=1&per_type=1",
    f"/nodes/{graph.array}/contents/arrays",
    f"/nodes/{graph.array}/contents/arrays?array=floats&slice=1:3",
    f"/nodes/{graph.folder}/repo/list",
    f"/nodes/{graph.folder}/repo/list?sizes=true&recursive=true",
    f"/nodes/{graph.folder}/repo/zip",
    f"/nodes/{graph.folder}/repo/contents?filename=large.txt",
    f"/nodes/{graph.silicon}/download?download_format=xsf",
    f"/processes/{graph.relax}/report",
    f"/processes/{graph.relax}/report?tail=1",
    f"/calcjobs/{graph.relax_scf}/input_files",
    f"/calcjobs/{graph.relax_scf}/output_files",
]

URLS = [*(f"/api/v2{path}" for path in V2), *(f"/api/v4{path}" for path in V4)]

WRONG = [
    ("/api/v2/nodes?foo=1", 400),
    ("/api/v2/nodes?limit=x", 400),
    ("/api/v2/nodes/00000000", 400),
    ("/api/v4/nodes/00000000-0000-4000-8000-000000000000", 404),
    (f"/api/v4/nodes/{graph.folder}/repo/contents?filename=nothing", 404),
    ("/api/v4/nothing", 404),
    ("/api/v4/querybuilder", 405),
]
