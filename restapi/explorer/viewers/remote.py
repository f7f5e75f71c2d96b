"""Remote folders: the computer and the path there. Nobody looks whether it still exists."""

from __future__ import annotations

from restapi.explorer.node.found import Node
from restapi.explorer.viewers.computer import computer_of
from restapi.explorer.viewers.reading import listed, text_of
from restapi.explorer.visit import Visit
from restapi.layout.panel import Panel


def view(visit: Visit, node: Node) -> Panel:
    attributes = node.attributes
    facts = [("Path", text_of(attributes.get("remote_path"), 4000)), ("Mode", text_of(attributes.get("stash_mode")))]
    sources = [text_of(path) for path in listed(attributes.get("source_list"))[:20]]
    values = {
        "computer": computer_of(visit, node),
        "facts": [(name, text) for name, text in (*facts, ("Stashed", ", ".join(sources))) if text],
        "scripts": (),
        "note": "The folder may have been removed since: nobody has looked.",
    }
    return Panel("viewers/facts.html", values, title="Folder on a computer")
