"""Every path of v4, and the resource that answers it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from restapi.dialects.aiida_v4 import answers, contents, lineage, links, overviews, processes, properties, render, rows
from restapi.dialects.aiida_v4.entities import COMPUTERS, GROUPS, INCOMING, NODES, OUTGOING, USERS
from restapi.dialects.aiida_v4.openapi import dialect_of
from restapi.dialects.aiida_v4.querybuilder import QueryBuilder
from restapi.dialects.aiida_v4.rows import V4Resource
from restapi.dialects.resource import Route, paged
from restapi.http.reply import Reply, bytes_reply
from restapi.http.route_tree import ID
from restapi.openapi.document import written
from restapi.openapi.shared import DOCUMENT


class Endpoints(V4Resource):
    """`/`, `/server/endpoints`: every path there is."""

    answer = answers.ENDPOINTS

    def get(self) -> Reply:
        request = self.context.request
        self.parse_options(self.allowed)
        return render.envelope_without_id(request, "Info", {"available_endpoints": sorted(self._lines())})

    def _lines(self) -> Iterator[str]:
        for route in ROUTES:
            path = f"{self.context.mount.prefix}{route.path.rstrip('/')}/".replace(ID, "<id>")
            name = route.path.split("/")[1] or "server"
            yield f"{name:15s} {','.join(sorted({'HEAD', 'OPTIONS', *route.resource.methods})):20s} {path}"


class Document(V4Resource):
    """`/openapi.json`: this interface, described for programs (OpenAPI 3.1)."""

    answer = DOCUMENT

    def get(self) -> Reply:
        self.parse_options(self.allowed)
        return bytes_reply(written(DIALECT, self.context.settings, quote(self.context.exchange.script_root)))


ROUTES: tuple[Route, ...] = (
    Route("/", Endpoints),
    Route("/openapi.json", Document),
    Route("/server", overviews.Server),
    Route("/server/endpoints", Endpoints),
    Route("/querybuilder", QueryBuilder),
    *(
        route
        for entity in (COMPUTERS, GROUPS, USERS)
        for route in (
            *paged(f"/{entity.name}", rows.Rows, entity=entity),
            Route(f"/{entity.name}/{ID}", rows.Object, {"entity": entity}),
        )
    ),
    *paged("/nodes", rows.Nodes, entity=NODES),
    *(
        Route(f"/{resource}/projectable_properties", properties.Properties, {"resource": resource})
        for resource in properties.PAGES
    ),
    Route("/nodes/statistics", overviews.Statistics),
    Route("/nodes/full_types", overviews.FullTypes),
    Route("/nodes/full_types_count", overviews.FullTypesCount),
    Route("/nodes/download_formats", overviews.DownloadFormats),
    Route(f"/nodes/{ID}", rows.Node, {"entity": NODES}),
    *paged(f"/nodes/{ID}/links/incoming", links.Links, entity=INCOMING),
    *paged(f"/nodes/{ID}/links/outgoing", links.Links, entity=OUTGOING),
    Route(f"/nodes/{ID}/links/tree", links.Tree),
    *paged(f"/nodes/{ID}/ancestors", lineage.Ancestors),
    *paged(f"/nodes/{ID}/descendants", lineage.Descendants),
    Route(f"/nodes/{ID}/graph", lineage.Graph),
    Route(f"/nodes/{ID}/prov", lineage.Prov),
    Route(f"/nodes/{ID}/ro-crate", lineage.Crate),
    Route(f"/nodes/{ID}/contents/attributes", contents.Attributes),
    Route(f"/nodes/{ID}/contents/extras", contents.Extras),
    Route(f"/nodes/{ID}/contents/derived_properties", contents.DerivedProperties),
    Route(f"/nodes/{ID}/contents/comments", contents.Comments),
    Route(f"/nodes/{ID}/repo/list", contents.RepositoryList),
    Route(f"/nodes/{ID}/repo/contents", contents.RepositoryContents),
    Route(f"/nodes/{ID}/download", contents.Downloads),
    Route(f"/processes/{ID}/report", processes.Report),
    Route(f"/calcjobs/{ID}/input_files", processes.InputFiles),
    Route(f"/calcjobs/{ID}/output_files", processes.OutputFiles),
)

DIALECT = dialect_of(ROUTES)
