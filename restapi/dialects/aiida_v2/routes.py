"""Every path of v2, and the resource that answers it."""

from __future__ import annotations

from collections.abc import Iterator

from restapi.dialects.aiida_v2 import answers, contents, lineage, links, overviews, rows
from restapi.dialects.aiida_v2.entities import ENTITIES, ENTITY, KIND, NODE_ENTITIES
from restapi.dialects.lineage import Crate, Prov
from restapi.dialects.resource import DialectResource, Route, paged
from restapi.http.reply import Reply
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.document import Document


class Endpoints(DialectResource):
    """`/`, `/server/endpoints`: every path there is."""

    answer = answers.ENDPOINTS

    def get(self) -> Reply:
        self.parse_options()
        root = self.context.exchange.mount_path + self.dialect.prefix
        paths = sorted(
            path for route in self.dialect.offered(self.context.settings) for path in _written_out(root + route.path)
        )
        return self.envelope("server", {"available_endpoints": paths}, total=len(paths))


ROUTES: tuple[Route, ...] = (
    Route("/", Endpoints),
    Route("/openapi.json", Document),
    Route("/server", overviews.Server),
    Route("/server/endpoints", Endpoints),
    *paged(f"/{ENTITY}", rows.Rows),
    Route(f"/{ENTITY}/schema", rows.Schema),
    Route("/nodes/statistics", overviews.Statistics),
    Route("/nodes/types", overviews.Types),
    Route(f"/{ENTITY}/{ID}", rows.Object),
    *paged(f"/{KIND}/{ID}/io/inputs", links.Inputs),
    *paged(f"/{KIND}/{ID}/io/outputs", links.Outputs),
    Route(f"/{KIND}/{ID}/io/tree", links.Tree),
    Route(f"/{KIND}/{ID}/io/retrieved_inputs", contents.RetrievedInputs),
    Route(f"/{KIND}/{ID}/io/retrieved_outputs", contents.RetrievedOutputs),
    *paged(f"/{KIND}/{ID}/ancestors", lineage.Ancestors),
    *paged(f"/{KIND}/{ID}/descendants", lineage.Descendants),
    Route(f"/{KIND}/{ID}/graph", lineage.Graph),
    Route(f"/{KIND}/{ID}/prov", Prov),
    Route(f"/{KIND}/{ID}/ro-crate", Crate),
    Route(f"/{KIND}/{ID}/content/attributes", contents.Attributes),
    Route(f"/{KIND}/{ID}/content/extras", contents.Extras),
    Route(f"/{KIND}/{ID}/content/visualization", contents.Visualization),
    Route(f"/{KIND}/{ID}/content/download", contents.Download),
)


def _written_out(path: str) -> Iterator[str]:
    """The path for each resource by its name, with `<id>` and `<page>` for what a client fills in."""
    template = path.replace(ID, "<id>").replace(PAGE, "<page>")
    for marker, entities in ((ENTITY, ENTITIES), (KIND, NODE_ENTITIES)):
        if marker in template:
            yield from (template.replace(marker, name) for name in entities)
            return
    yield template
