"""Exports of provenance -> responses; the same for all AiiDA dialects."""

from __future__ import annotations

from aiida_like.provenance.prov import prov_json
from aiida_like.provenance.ro_crate import Sources, crate
from aiida_like.provenance.subgraph import read_attributes, read_run, read_subgraph
from querylang.options import Options
from restapi.answering.row_batches import splice
from restapi.fetching.lineage import FEWER_NODES, graph_request
from restapi.fetching.reading import narrowed
from restapi.http.encoding import PLACEHOLDER, attachment, json_reply
from restapi.http.exchange import Context
from restapi.http.reply import Reply


def answer_prov(context: Context, main: int, given: Options) -> Reply:
    """PROV-JSON of the ancestors of a node.

    Raises:
        QueryError: the limit is out of range.
        MissingExtra, StatementTimeout, StorageError.
    """
    asked = graph_request(given, context.settings, "in")
    with narrowed(FEWER_NODES):
        subgraph = read_subgraph(context.snapshot, asked.link_filter, main, asked.depth, asked.limit)
    api = context.request.url_root.rstrip("/") + context.mount.prefix
    tuning = context.snapshot.storage.tuning
    return splice(json_reply(PLACEHOLDER), prov_json(subgraph, api, tuning.records_at_once), tuning)


CRATE = frozenset({"depth", "limit"})


def answer_crate(context: Context, main: int, given: Options) -> Reply:
    """A zip file with a process, those that it called, and their data.

    Raises:
        QueryError: the limit is out of range, or there is too much data.
        FeatureUnavailable: the node is no process.
        DamagedNode: a file is lost or damaged.
        StatementTimeout, StorageError.
    """
    snapshot, asked = context.snapshot, graph_request(given, context.settings)
    with narrowed(FEWER_NODES):
        run = read_run(snapshot, main, asked.depth, asked.limit, context.settings.max_graph_nodes)
    repository = snapshot.storage.repository
    blocks = crate(run, Sources(lambda pk: read_attributes(snapshot, pk), repository.read, repository.check))
    return attachment(blocks, None, f"{run.subgraph.nodes[0].uuid}.crate.zip", "application/zip")
