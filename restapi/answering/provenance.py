"""Exports of provenance -> responses; the same for all AiiDA dialects."""

from __future__ import annotations

from aiida_like.provenance.prov import prov_json
from aiida_like.provenance.ro_crate import Sources, crate
from aiida_like.provenance.run import read_attributes, read_run
from aiida_like.provenance.subgraph import read_subgraph
from querylang.options import Options
from restapi.answering.row_batches import fill
from restapi.fetching.lineage import FEWER_NODES, part_of
from restapi.fetching.reading import narrowed
from restapi.http.context import Context
from restapi.http.encoding import PLACE, attachment, json_reply
from restapi.http.exchange import Asked
from restapi.http.reply import Reply


def answer_prov(context: Context, request: Asked, main: int, given: Options) -> Reply:
    """PROV-JSON of the ancestors of a node.

    Raises:
        QueryError: the limit is out of range.
        MissingExtra, StatementTimeout, StorageError.
    """
    part = part_of(given, context.settings, "in")
    with narrowed(FEWER_NODES):
        subgraph = read_subgraph(context.storage, part.ways, main, part.depth, part.limit)
    api = request.url_root.rstrip("/") + context.prefix
    return fill(json_reply(PLACE), prov_json(subgraph, api))


CRATE = frozenset({"depth", "limit"})


def answer_crate(context: Context, main: int, given: Options) -> Reply:
    """A zip file with a process, those that it called, and their data.

    Raises:
        QueryError: the limit is out of range, or there is too much data.
        FeatureUnavailable: it is no process.
        StatementTimeout, StorageError.
    """
    storage, part = context.storage, part_of(given, context.settings)
    with narrowed(FEWER_NODES):
        run = read_run(storage, main, part.depth, part.limit, context.settings.max_graph_nodes)
    blocks = crate(run, Sources(lambda pk: read_attributes(storage, pk), storage.repository.read))
    return attachment(blocks, None, f"{run.subgraph.nodes[0].uuid}.crate.zip", "application/zip")
