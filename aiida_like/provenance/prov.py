"""A subgraph as W3C PROV: data are entities, processes are activities, users are agents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from aiida_like.errors import MissingExtra
from aiida_like.provenance.subgraph import Link, Node, Subgraph, User

if TYPE_CHECKING:
    from prov.model import ProvDocument

    Record = Callable[[ProvDocument], object]

EXTRA = "provenance"

_INTEGER = re.compile("-?[0-9]{1,18}")

NAMESPACES = {"uuid": "urn:uuid:", "aiida": "urn:aiida:"}
"""Nodes are named by their uuid as a URN (RFC 9562); attributes that PROV has no word for are in `aiida`."""


def prov_json(subgraph: Subgraph, api: str, at_once: int) -> Iterator[bytes]:
    """PROV-JSON in pieces of `at_once` records. `api` is the URL of the API, which names users: they have no uuid.

    Raises:
        MissingExtra: the library `prov` is not installed. Raised before the first piece.
    """
    try:
        from prov.model import ProvDocument
    except ImportError as error:
        raise MissingExtra(EXTRA, "PROV") from error

    def written(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
        document = ProvDocument()
        for prefix, uri in {**NAMESPACES, "api": f"{api.rstrip('/')}/"}.items():
            document.add_namespace(prefix, uri)
        for record in records:
            record(document)
        found: dict[str, dict[str, Any]] = orjson.loads(str(document.serialize(format="json")))
        return found

    return _joined(written, _sections(subgraph), at_once)


def _joined(
    written: Callable[[Iterable[Record]], dict[str, dict[str, Any]]], sections: Iterable[Iterator[Record]], at_once: int
) -> Iterator[bytes]:
    """One document, joined from documents of `at_once` records each."""
    yield b'{"prefix":' + orjson.dumps(written(())["prefix"])
    numbers = count(1)
    for records in sections:
        is_begun = False
        while some := list(islice(records, at_once)):
            document = written(some)
            ((kind, found),) = (section for section in document.items() if section[0] != "prefix")
            # Relations have no name but a number, which begins with 1 in each document.
            named = {f"_:id{next(numbers)}" if name.startswith("_:") else name: each for name, each in found.items()}
            yield (b"," if is_begun else b"," + orjson.dumps(kind) + b":{") + orjson.dumps(named)[1:-1]
            is_begun = True
        if is_begun:
            yield b"}"
    yield b"}"


def _sections(subgraph: Subgraph) -> Iterator[Iterator[Record]]:
    """All records, grouped by kind as PROV-JSON has them."""
    nodes, users = subgraph.by_id, subgraph.users
    data = [each for each in nodes.values() if not each.is_process]
    processes = [each for each in nodes.values() if each.is_process]

    def related(relation: Callable[[Link, Node, Node, ProvDocument], object]) -> Iterator[Record]:
        links = (each for each in subgraph.links if RELATIONS.get(each.type) is relation)
        return (partial(relation, each, nodes[each.input_id], nodes[each.output_id]) for each in links)

    yield (partial(_add_user, each) for each in users.values())
    yield chain((partial(_add_data, each) for each in data), [partial(_add_itself, subgraph)])
    yield (partial(_add_process, each) for each in processes)
    yield (partial(_attributed, each, users[each.user_id]) for each in data if each.user_id in users)
    yield (partial(_associated, each, users[each.user_id]) for each in processes if each.user_id in users)
    yield related(_used)
    yield related(_generated)
    yield related(_called)
    yield chain(related(_returned), [partial(_influenced, subgraph.nodes[0])])


def _add_user(user: User, document: ProvDocument) -> None:
    document.agent(_agent(user), {"prov:type": document.valid_qualified_name("prov:Person"), "prov:label": user.name})


def _add_data(node: Node, document: ProvDocument) -> None:
    document.entity(_name(node), _attributes(node))


def _add_process(node: Node, document: ProvDocument) -> None:
    document.activity(_name(node), node.began, node.ended, _attributes(node))


def _attributes(node: Node) -> dict[str, Any]:
    attributes = {
        "prov:label": node.name,
        "prov:type": node.node_type,
        "aiida:id": node.id,
        "aiida:description": node.description or None,
        "aiida:process_type": node.process_type or None,
        "aiida:process_state": node.state,
        "aiida:exit_status": _number(node.exit_status),
        "aiida:exit_message": node.exit_message,
        "aiida:ctime": node.began,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def _number(text: str | None) -> int | str | None:
    """The integer that a text says; the text itself, if it says none of 64 bits."""
    return int(text) if text is not None and _INTEGER.fullmatch(text) else text


def _add_itself(subgraph: Subgraph, document: ProvDocument) -> None:
    """Adds the document itself as an entity, which says whether it is truncated."""
    main = subgraph.nodes[0]
    attributes = {
        "prov:label": f"Provenance of {main.name}",
        "prov:type": document.valid_qualified_name("aiida:export"),
        "aiida:truncated": subgraph.is_truncated,
        "aiida:nodes": len(subgraph.nodes),
    }
    document.entity(_itself(main), attributes)


def _influenced(main: Node, document: ProvDocument) -> None:
    document.wasInfluencedBy(_itself(main), _name(main))


def _attributed(data: Node, user: User, document: ProvDocument) -> None:
    document.wasAttributedTo(_name(data), _agent(user))


def _associated(process: Node, user: User, document: ProvDocument) -> None:
    document.wasAssociatedWith(_name(process), _agent(user))


def _used(link: Link, data: Node, process: Node, document: ProvDocument) -> None:
    document.used(_name(process), _name(data), other_attributes=_role(link))


def _generated(link: Link, process: Node, data: Node, document: ProvDocument) -> None:
    document.wasGeneratedBy(_name(data), _name(process), data.began, other_attributes=_role(link))


def _returned(link: Link, process: Node, data: Node, document: ProvDocument) -> None:
    # Not wasGeneratedBy: a workflow returns what is there already, and an entity is generated once.
    attributes = {"prov:type": document.valid_qualified_name("aiida:return"), "prov:label": link.label}
    document.wasInfluencedBy(_name(data), _name(process), other_attributes=attributes)


def _called(link: Link, caller: Node, called: Node, document: ProvDocument) -> None:
    attributes = {"prov:type": document.valid_qualified_name(f"aiida:{link.type}"), "prov:label": link.label}
    document.wasInformedBy(_name(called), _name(caller), other_attributes=attributes)


RELATIONS: Mapping[str, Callable[[Link, Node, Node, ProvDocument], None]] = {
    "input_calc": _used,
    "input_work": _used,
    "create": _generated,
    "return": _returned,
    "call_calc": _called,
    "call_work": _called,
}
"""The relation of PROV for each type of links; links of other types, which AiiDA has not, are left out."""


def _role(link: Link) -> dict[str, Any]:
    return {"prov:role": link.label, "aiida:link_type": link.type}


def _name(node: Node) -> str:
    return f"uuid:{quote(node.uuid)}"


def _agent(user: User) -> str:
    return f"api:users/{user.id}"


def _itself(main: Node) -> str:
    return f"api:nodes/{quote(main.uuid)}/prov"
