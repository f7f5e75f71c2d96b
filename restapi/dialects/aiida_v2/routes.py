"""Every path of v2, and the resource that answers it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from restapi.dialects.aiida_v2 import answers, contents, lineage, links, options, overviews, render, rows
from restapi.dialects.aiida_v2.entities import ENTITIES, NODE_ENTITIES
from restapi.dialects.aiida_v2.openapi import dialect_of
from restapi.dialects.aiida_v2.paths import ENTITY, KIND
from restapi.dialects.resource import DialectResource, Route, paged
from restapi.http.reply import Reply, bytes_reply
from restapi.http.route_tree import ID, PAGE
from restapi.openapi.document import written
from restapi.openapi.shared import DOCUMENT


class Endpoints(DialectResource):
    """`/`, `/server/endpoints`: every path there is."""

    allowed, answer = options.ANYWHERE, answers.ENDPOINTS

    def get(self) -> Reply:
        request = self.context.request
        self.context.parse_options(self.allowed)
        paths = sorted(path for route in ROUTES for path in _written_out(self.context.mount.prefix + route.path))
        return render.envelope(request, "server", {"available_endpoints": paths}, total=len(paths))


class Document(DialectResource):
    """`/openapi.json`: this interface, described for programs (OpenAPI 3.1)."""

    allowed, answer = options.ANYWHERE, DOCUMENT

    def get(self) -> Reply:
        self.context.parse_options(self.allowed)
        return bytes_reply(written(DIALECT, self.context.settings, quote(self.context.exchange.script_root)))


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
    Route(f"/{KIND}/{ID}/prov", lineage.Prov),
    Route(f"/{KIND}/{ID}/ro-crate", lineage.Crate),
    Route(f"/{KIND}/{ID}/content/attributes", contents.Attributes),
    Route(f"/{KIND}/{ID}/content/extras", contents.Extras),
    Route(f"/{KIND}/{ID}/content/visualization", contents.Visualization),
    Route(f"/{KIND}/{ID}/content/download", contents.Download),
)

DIALECT = dialect_of(ROUTES)


def _written_out(path: str) -> Iterator[str]:
    """The path for each resource by its name, with `<id>` and `<page>` for what a client fills in."""
    template = path.replace(ID, "<id>").replace(PAGE, "<page>")
    for marker, entities in ((ENTITY, ENTITIES), (KIND, NODE_ENTITIES)):
        if marker in template:
            yield from (template.replace(marker, name) for name in entities)
            return
    yield template
