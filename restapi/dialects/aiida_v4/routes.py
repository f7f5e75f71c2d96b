"""Every path of v4, and the resource that answers it."""

from __future__ import annotations

from collections.abc import Iterator

from restapi.dialects.aiida_v4 import answers, contents, lineage, links, overviews, processes, properties, render, rows
from restapi.dialects.aiida_v4.entities import COMPUTERS, GROUPS, INCOMING, NODES, OUTGOING, USERS
from restapi.dialects.aiida_v4.querybuilder import QueryBuilder
from restapi.dialects.lineage import Crate, Prov
from restapi.dialects.resource import DialectResource, Route, paged
from restapi.http.reply import Reply
from restapi.http.route_tree import ID
from restapi.openapi.document import Document


class Endpoints(DialectResource):
    """`/`, `/server/endpoints`: every path there is."""

    answer = answers.ENDPOINTS

    def get(self) -> Reply:
        self.parse_options()
        lines = {"available_endpoints": sorted(self._lines())}
        return render.envelope_without_id(self.context.request, "Info", lines)

    def _lines(self) -> Iterator[str]:
        root = self.context.exchange.mount_path + self.dialect.prefix
        for route in self.dialect.offered(self.context.settings):
            path = f"{root}{route.path.rstrip('/')}/".replace(ID, "<id>")
            name = route.path.split("/")[1] or "server"
            yield f"{name:15s} {','.join(sorted({'HEAD', 'OPTIONS', *route.resource.methods})):20s} {path}"


ROUTES: tuple[Route, ...] = (
    Route("/", Endpoints),
    Route("/openapi.json", Document),
    Route("/server", overviews.Server),
    Route("/server/endpoints", Endpoints),
    Route("/querybuilder", QueryBuilder, setting="querybuilder"),
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
    *paged(f"/nodes/{ID}/ancestors", lineage.Ancestors, entity=NODES),
    *paged(f"/nodes/{ID}/descendants", lineage.Descendants, entity=NODES),
    Route(f"/nodes/{ID}/graph", lineage.Graph, {"entity": NODES}),
    Route(f"/nodes/{ID}/prov", Prov, {"entity": NODES}),
    Route(f"/nodes/{ID}/ro-crate", Crate, {"entity": NODES}),
    Route(f"/nodes/{ID}/contents/attributes", contents.Attributes),
    Route(f"/nodes/{ID}/contents/extras", contents.Extras),
    Route(f"/nodes/{ID}/contents/derived_properties", contents.DerivedProperties),
    Route(f"/nodes/{ID}/contents/arrays", contents.Arrays),
    Route(f"/nodes/{ID}/contents/comments", contents.Comments),
    Route(f"/nodes/{ID}/repo/list", contents.RepositoryList),
    Route(f"/nodes/{ID}/repo/contents", contents.RepositoryContents),
    Route(f"/nodes/{ID}/repo/zip", contents.RepositoryZip),
    Route(f"/nodes/{ID}/download", contents.Downloads),
    Route(f"/processes/{ID}/report", processes.Report),
    Route(f"/calcjobs/{ID}/input_files", processes.InputFiles),
    Route(f"/calcjobs/{ID}/output_files", processes.OutputFiles),
)
