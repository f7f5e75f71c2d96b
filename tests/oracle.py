"""What aiida-core itself says of a profile, as JSON: `python tests/oracle.py PROFILE`, with AIIDA_PATH set.

Nothing of ours takes part in it: everything comes from the ORM, so that answers can be compared with it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from aiida import load_profile, orm


def main(profile: str) -> None:
    load_profile(profile)
    json.dump(
        {
            "nodes": [_node(node) for node in _all(orm.Node)],
            "computers": [_computer(computer) for computer in _all(orm.Computer)],
            "users": [_user(user) for user in _all(orm.User)],
            "groups": [_group(group) for group in _all(orm.Group)],
            "links": _links(),
        },
        sys.stdout,
    )


def _all(entity: Any) -> list[Any]:
    return orm.QueryBuilder().append(entity, tag="it").order_by({"it": "id"}).all(flat=True)


def _node(node: orm.Node) -> dict[str, Any]:
    is_process = isinstance(node, orm.ProcessNode)
    return {
        "id": node.pk,
        "uuid": node.uuid,
        "node_type": node.node_type,
        "process_type": node.process_type,
        "label": node.label,
        "description": node.description,
        "ctime": node.ctime.isoformat(),
        "mtime": node.mtime.isoformat(),
        "user_id": node.user.pk,
        "attributes": node.base.attributes.all,
        "extras": node.base.extras.all,
        "process_state": node.process_state.value if is_process and node.process_state else None,
        "exit_status": node.exit_status if is_process else None,
        "files": ["/".join((*root.parts, name)) for root, _, names in node.base.repository.walk() for name in names],
    }


def _computer(computer: orm.Computer) -> dict[str, Any]:
    infos = orm.QueryBuilder().append(orm.AuthInfo, filters={"dbcomputer_id": computer.pk}).all(flat=True)
    return {
        "id": computer.pk,
        "uuid": computer.uuid,
        "label": computer.label,
        "description": computer.description,
        "hostname": computer.hostname,
        "scheduler_type": computer.scheduler_type,
        "transport_type": computer.transport_type,
        "transport_params": computer.metadata.get("transport_params", {}),
        "authinfos": [info.enabled for info in infos],
    }


def _user(user: orm.User) -> dict[str, Any]:
    return {
        "id": user.pk,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "institution": user.institution,
    }


def _group(group: orm.Group) -> dict[str, Any]:
    return {
        "id": group.pk,
        "uuid": group.uuid,
        "label": group.label,
        "type_string": group.type_string,
        "description": group.description,
        "user_id": group.user.pk,
    }


def _links() -> list[dict[str, Any]]:
    rows = (
        orm.QueryBuilder()
        .append(orm.Node, tag="source", project="id")
        .append(orm.Node, with_incoming="source", project="id", edge_project=["type", "label"])
        .all()
    )
    return [{"source": row[0], "target": row[1], "type": row[2], "label": row[3]} for row in rows]


if __name__ == "__main__":
    main(sys.argv[1])
