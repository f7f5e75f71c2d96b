"""The fields that a page can show of each resource, and their order: `projectable_properties`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import null

from querylang.schema import Entity, Field, FieldType
from restapi.answering.rendering import described_field
from restapi.dialects.aiida_v4 import answers
from restapi.dialects.aiida_v4.entities import COMPUTERS, GROUPS, NODES, USERS
from restapi.dialects.resource import DialectResource
from restapi.http.reply import Reply


class Properties(DialectResource):
    """`/nodes/projectable_properties`: the fields that a page can show, and in which order."""

    answer = answers.PROPERTIES

    def get(self, resource: str) -> Reply:
        self.parse_options()
        page = PAGES[resource]
        fields = {field.name: _described(page, field) for field in page.fields}
        return self.envelope(resource, {"fields": fields, "ordering": list(page.ordering)})


@dataclass(frozen=True)
class PageLayout:
    """`displayed` are the fields that a page shows at first, `ordering` the columns of its table."""

    fields: tuple[Field, ...]
    displayed: frozenset[str]
    ordering: tuple[str, ...]


def _page(entity: Entity, names: str, displayed: str, ordering: str, *more: Field) -> PageLayout:
    fields = (*(entity.fields[name] for name in names.split()), *more)
    return PageLayout(fields, frozenset(displayed.split()), tuple(ordering.split()))


def _process_field(name: str, title: str, help_: str) -> Field:
    return Field(f"attributes.{name}", FieldType.STRING, null(), title, help_)


_CREATOR = Field("creator", FieldType.STRING, null(), "Creator", "User who created the node")

PAGES: Mapping[str, PageLayout] = {
    "computers": _page(
        COMPUTERS,
        "description hostname id label scheduler_type transport_type uuid",
        "hostname label scheduler_type uuid",
        "uuid label hostname description scheduler_type transport_type",
    ),
    "groups": _page(
        GROUPS,
        "description id label type_string user_id uuid",
        "label type_string",
        "id label type_string description user_id uuid",
    ),
    "nodes": _page(
        NODES,
        "ctime label mtime node_type process_type user_id uuid",
        "creator ctime mtime node_type uuid",
        "uuid label node_type ctime mtime creator",
        _CREATOR,
    ),
    "processes": _page(
        NODES,
        "ctime mtime process_type user_id uuid",
        "creator ctime mtime uuid attributes.process_label attributes.process_state",
        "uuid attributes.process_label ctime mtime creator attributes.process_state",
        _CREATOR,
        _process_field("process_label", "Name", "What the process is called, often its class"),
        _process_field("process_state", "Process state", "How far the process has come"),
    ),
    "users": _page(
        USERS,
        "id first_name institution last_name",
        "id first_name institution last_name",
        "id first_name last_name institution",
    ),
}

CHOICES: Mapping[str, Mapping[str, str]] = {
    "scheduler_type": {
        "core.direct": "No scheduler: jobs start at once",
        "core.lsf": "IBM Spectrum LSF",
        "core.pbspro": "PBS Professional, OpenPBS",
        "core.sge": "Sun Grid Engine and its successors",
        "core.slurm": "Slurm",
        "core.torque": "Torque",
    },
    "transport_type": {
        "core.local": "The machine that AiiDA runs on",
        "core.ssh": "SSH and SFTP",
        "core.ssh_async": "SSH, several transfers at once",
    },
}
"""The plug-ins that come with AiiDA; others can be installed."""

_TYPES = {FieldType.INTEGER: "int", FieldType.DATETIME: "datetime.datetime", FieldType.UUID: "unicode"}


def _described(page: PageLayout, field: Field) -> dict[str, Any]:
    described = described_field(field, _TYPES.get(field.type, "str"), is_display=field.name in page.displayed)
    if field.name in CHOICES:
        described["valid_choices"] = {name: {"doc": text} for name, text in CHOICES[field.name].items()}
    return described
