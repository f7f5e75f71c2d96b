"""A subgraph as W3C PROV: data are entities, processes are activities, users are agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiida_like.errors import MissingExtra
from aiida_like.provenance.subgraph import Link, Node, Subgraph, User

if TYPE_CHECKING:
    from prov.model import ProvDocument

EXTRA = "provenance"

NAMESPACES = {"uuid": "urn:uuid:", "aiida": "urn:aiida:"}
"""A node is its uuid, as RFC 9562 writes it as a URN; attributes that PROV has no word for are AiiDA's."""


def prov_json(subgraph: Subgraph, api: str) -> str:
    """PROV-JSON. `api` is the URL of the API, under which users have theirs; they have no uuid.

    Raises:
        MissingExtra: the library `prov` is not installed.
    """
    try:
        from prov.model import ProvDocument
    except ImportError as error:
        raise MissingExtra(EXTRA, "PROV") from error

    document = ProvDocument()
    for prefix, uri in {**NAMESPACES, "api": f"{api.rstrip('/')}/"}.items():
        document.add_namespace(prefix, uri)
    for each in subgraph.users.values():
        document.agent(
            _agent(each), {"prov:type": document.valid_qualified_name("prov:Person"), "prov:label": each.name}
        )
    nodes = subgraph.by_id
    for node in nodes.values():
        _add_node(document, node, subgraph.users)
    for link in subgraph.links:
        RELATIONS[link.type](document, link, nodes[link.input_id], nodes[link.output_id])
    _add_itself(document, subgraph)
    return str(document.serialize(format="json"))


def _add_node(document: ProvDocument, node: Node, users: Mapping[int, User]) -> None:
    told = {
        "prov:label": node.name,
        "prov:type": node.node_type,
        "aiida:id": node.id,
        "aiida:description": node.description or None,
        "aiida:process_type": node.process_type or None,
        "aiida:process_state": node.state,
        "aiida:exit_status": None if node.exit_status is None else int(node.exit_status),
        "aiida:exit_message": node.exit_message,
        "aiida:ctime": node.began,
    }
    attributes: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    user = users.get(node.user_id)
    if node.is_process:
        document.activity(_name(node), node.began, node.ended, attributes)
        if user:
            document.wasAssociatedWith(_name(node), _agent(user))
    else:
        document.entity(_name(node), attributes)
        if user:
            document.wasAttributedTo(_name(node), _agent(user))


def _add_itself(document: ProvDocument, subgraph: Subgraph) -> None:
    """The document says of itself whether it is all."""
    main = subgraph.nodes[0]
    attributes = {
        "prov:label": f"Provenance of {main.name}",
        "prov:type": document.valid_qualified_name("aiida:export"),
        "aiida:truncated": subgraph.is_truncated,
        "aiida:nodes": len(subgraph.nodes),
    }
    document.entity(f"api:nodes/{main.uuid}/prov", attributes)
    document.wasInfluencedBy(f"api:nodes/{main.uuid}/prov", _name(main))


def _used(document: ProvDocument, link: Link, data: Node, process: Node) -> None:
    document.used(_name(process), _name(data), other_attributes=_role(link))


def _generated(document: ProvDocument, link: Link, process: Node, data: Node) -> None:
    document.wasGeneratedBy(_name(data), _name(process), data.began, other_attributes=_role(link))


def _returned(document: ProvDocument, link: Link, process: Node, data: Node) -> None:
    # Not generated: a workflow returns what is there already, and an entity is generated once.
    told = {"prov:type": document.valid_qualified_name("aiida:return"), "prov:label": link.label}
    document.wasInfluencedBy(_name(data), _name(process), other_attributes=told)


def _called(document: ProvDocument, link: Link, caller: Node, called: Node) -> None:
    told = {"prov:type": document.valid_qualified_name(f"aiida:{link.type}"), "prov:label": link.label}
    document.wasInformedBy(_name(called), _name(caller), other_attributes=told)


RELATIONS: Mapping[str, Callable[[ProvDocument, Link, Node, Node], None]] = {
    "input_calc": _used,
    "input_work": _used,
    "create": _generated,
    "return": _returned,
    "call_calc": _called,
    "call_work": _called,
}
"""What each type of links is in PROV."""


def _role(link: Link) -> dict[str, Any]:
    return {"prov:role": link.label, "aiida:link_type": link.type}


def _name(node: Node) -> str:
    return f"uuid:{node.uuid}"


def _agent(user: User) -> str:
    return f"api:users/{user.id}"
