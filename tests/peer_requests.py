"""What is asked of both servers: ours and `verdi restapi` of aiida-core. Paths are relative to `/api/v4`."""

from __future__ import annotations

from typing import Any

from tests.golden import computers, graph, groups, ids

S, D = "data.core.structure.StructureData.", "data.core.dict.Dict."
JOB, CHAIN = "process.calculation.calcjob.CalcJobNode.", "process.workflow.workchain.WorkChainNode."
EXAMPLES = (
    "silicon",
    "alloy",
    "path",
    "mesh",
    "gamma",
    "bands",
    "spin_bands",
    "cif",
    "upf",
    "relax",
    "rescale",
    "relax_scf",
)

GET: list[str] = [
    "",
    "/server",
    "/server/endpoints",
    # lists, windows and orders
    "/computers",
    "/computers/",
    "/groups",
    "/users",
    "/users/",
    "/nodes",
    "/nodes/?limit=3",
    "/nodes?offset=5&limit=3",
    "/nodes?offset=79",
    "/nodes?offset=500",
    "/nodes?limit=400",
    "/nodes?orderby=-id&limit=4",
    "/nodes?orderby=+ctime&limit=4",
    "/nodes?orderby=-ctime,id&limit=4",
    "/nodes?orderby=node_type,-mtime&limit=40",
    "/nodes?orderby=user_id&limit=10",
    "/nodes?orderby=-pk&limit=2",
    "/nodes?_=1597132870",
    "/computers?orderby=-id",
    "/groups?orderby=time",
    "/groups?orderby=-type_string",
    "/nodes/page",
    "/nodes/page/1",
    "/nodes/page/2?perpage=10",
    "/nodes/page/9?perpage=10&orderby=-ctime",
    "/nodes/page/1?perpage=400",
    "/computers/page/2?perpage=2",
    "/groups/page/1?perpage=3&orderby=-id",
    "/users/page/1",
    # filters
    "/nodes?id=5",
    "/nodes?pk=5",
    "/nodes?id!=5&limit=5",
    "/nodes?id>78",
    "/nodes?id>=78&id<81",
    "/nodes?id<=2",
    "/nodes?id=in=1,2,3,999",
    "/nodes?id=notin=1,2,3&limit=4",
    '/nodes?label="silicon"',
    '/nodes?label="say ""hi"""',
    '/nodes?label!="silicon"&limit=4',
    '/nodes?label=like="si%25"',
    '/nodes?label=like="Aii_A"',
    '/nodes?label=like="AiiDA_"',
    '/nodes?label=ilike="aii%25"',
    '/nodes?label=in="silicon","NaCl"',
    '/nodes?description=like="%25100\\%25%25"',
    f'/nodes?uuid="{graph.silicon}"',
    '/nodes?uuid=like="338357f4%25"',
    '/nodes?node_type="data.core.dict.Dict."',
    '/nodes?node_type=like="data.core.array.%25"',
    '/nodes?process_type=like="aiida.calculations:%25"',
    "/nodes?user=2",
    "/nodes?user_id=2&orderby=-ctime",
    f"/nodes?dbcomputer_id={ids[computers.daint]}",
    "/nodes?ctime=2016-04-23",
    "/nodes?ctime=2016-04-23T05:45",
    "/nodes?mtime=2016-05-01T13:01:00",
    '/computers?hostname="fidis.epfl.ch"',
    '/computers?scheduler_type=in="core.slurm","core.pbspro"',
    '/computers?label=like="d%25"',
    '/groups?label="pseudos"',
    '/groups?type_string="core.upf"',
    "/groups?user_id=2",
    '/users?first_name="AiiDA"',
    "/users?id>1",
    # full types, as clients write them
    f'/nodes?full_type="{S}|"',
    f"/nodes?full_type=%22{S}%7C%22",
    "/nodes/page/1?perpage=10&full_type=%22process.%25%7C%25%22&orderby=-ctime",
    '/nodes?full_type="data.%25|"&limit=7',
    f'/nodes?full_type="{JOB}|aiida.calculations:quantumespresso.pw"',
    f'/nodes?full_type="{JOB}|aiida.calculations:quantumespresso.%25"',
    '/nodes?full_type="process.workflow.workfunction.WorkFunctionNode.|__main__.%25"',
    # one object
    *(f"/nodes/{getattr(graph, name)}" for name in EXAMPLES[:4]),
    f"/nodes/{graph.relax_scf[:11]}/",
    f"/nodes/{graph.silicon[:4]}",
    f"/computers/{computers.fidis}",
    f"/computers/{computers.daint[:6]}",
    f"/groups/{groups.pseudos}",
    f"/groups/{groups.gunther[:5]}",
    *(f"/{resource}/projectable_properties" for resource in ("computers", "groups", "nodes", "processes", "users")),
    # content in lists
    f"/nodes/{graph.relax}?attributes=true",
    f"/nodes/{graph.silicon}?attributes=true&attributes_filter=cell",
    f"/nodes/{graph.silicon}?attributes=true&attributes_filter=pbc1,cell&extras=true",
    "/nodes?attributes=true&limit=25",
    "/nodes?attributes=true&extras=true&limit=5&offset=18",
    "/nodes/page/1?perpage=10&attributes=true&attributes_filter=process_label,process_state,exit_status&orderby=-ctime",
    f'/nodes/?full_type="{S}|"&limit=5&offset=0&attributes=true&attributes_filter=cell,kinds,sites,pbc1,pbc2,pbc3',
    # links
    *(
        f"/nodes/{getattr(graph, name)}/links/{way}"
        for name in ("relax", "relax_scf", "silicon")
        for way in ("incoming", "outgoing")
    ),
    f"/nodes/{graph.inherit}/links/outgoing",
    f"/nodes/{graph.relax_scf}/links/incoming/page/2?perpage=4",
    f"/nodes/{graph.relax_scf}/links/incoming/page",
    f"/nodes/{graph.relax_scf}/links/outgoing?limit=1&offset=1",
    f'/nodes/{graph.relax_scf}/links/outgoing?full_type="{D}|"',
    f"/nodes/{graph.relax}/links/outgoing?orderby=-ctime",
    f'/nodes/{graph.relax_scf}/links/incoming?node_type=like="data.%25"&id<10',
    *(f"/nodes/{getattr(graph, name)}/links/tree" for name in ("relax", "relax_scf", "bands_run", "silicon")),
    f"/nodes/{graph.relax_scf}/links/tree?in_limit=2&out_limit=1",
    f"/nodes/{graph.relax_scf}/links/tree?in_limit=10&out_limit=10",
    # contents
    *(f"/nodes/{getattr(graph, name)}/contents/attributes" for name in ("oddities", "silicon", "relax_scf")),
    f"/nodes/{graph.silicon}/contents/attributes?attributes_filter=cell,pbc1,absent",
    *(f"/nodes/{getattr(graph, name)}/contents/extras" for name in ("oddities", "code_pp")),
    f"/nodes/{graph.code_pp}/contents/extras?extras_filter=trialBool,trialInt",
    *(f"/nodes/{getattr(graph, name)}/contents/derived_properties" for name in EXAMPLES),
    *(f"/nodes/{getattr(graph, name)}/contents/comments" for name in ("relax", "silicon", "salt")),
    *(f"/processes/{getattr(graph, name)}/report" for name in ("relax", "failed", "excepted", "pick")),
    # files
    *(f"/nodes/{getattr(graph, name)}/repo/list" for name in ("folder", "code_script", "silicon", "relax_scf")),
    f'/nodes/{graph.folder}/repo/list?filename="deep"',
    f'/nodes/{graph.folder}/repo/contents?filename="README.txt"',
    f'/nodes/{graph.folder}/repo/contents?filename="binary.dat"',
    f'/nodes/{graph.folder}/repo/contents?filename="deep/er/est.txt"',
    f"/calcjobs/{graph.relax_scf}/input_files",
    f"/calcjobs/{graph.relax_scf}/output_files",
    f"/calcjobs/{graph.relax_scf}/output_files?filename=out",
    f"/calcjobs/{graph.created}/output_files",
    # downloads
    *(
        f"/nodes/{graph.silicon}/download?download_format={name}&download=false"
        for name in ("cif", "xsf", "xyz", "chemdoodle")
    ),
    *(
        f"/nodes/{getattr(graph, name)}/download?download_format=json&download=False"
        for name in ("bands", "array", "xy", "trajectory", "mesh")
    ),
    f"/nodes/{graph.cif}/download?download_format=cif",
    f"/nodes/{graph.upf}/download?download_format=upf",
    f"/nodes/{graph.upf}/download?download_format=upf&download=False",
    "/nodes/download_formats",
    '/nodes/download_formats?full_type="data.core.cif.CifData.|"',
    # overviews
    "/nodes/statistics",
    "/nodes/statistics?user=2",
    "/nodes/full_types",
    "/nodes/full_types_count",
    "/nodes/full_types_count?user=2",
    # errors that upstream answers as it should
    '/nodes?profile="other"',
    "/querybuilder",
]


def query(*path: dict[str, Any], **more: Any) -> dict[str, Any]:
    """As `QueryBuilder.as_dict()` gives it; what is not said is empty."""
    return {
        "path": [
            {"orm_base": "node", "joining_keyword": None, "joining_value": None, "outerjoin": False, **item}
            for item in path
        ],
        "filters": {},
        "project": {},
        "project_map": {},
        "order_by": [],
        "limit": None,
        "offset": None,
        "distinct": False,
    } | more


def vertex(tag: str, entity_type: str = "", **joined: str) -> dict[str, Any]:
    names = [{"joining_keyword": keyword, "joining_value": value} for keyword, value in joined.items()]
    return {"tag": tag, "entity_type": entity_type, **(names[0] if names else {})}


N = vertex("n")

POST: dict[str, dict[str, Any]] = {
    "structures": query(vertex("s", S)),
    "everything of one": query(N, filters={"n": {"id": 21}}, project={"n": ["**"]}),
    "star": query(vertex("s", S), project={"s": [{"*": {}}]}),
    "explorer": query(
        vertex("node"),
        filters={"node": {"or": [{"node_type": {"like": "data.core.structure.%"}}, {"label": {"like": "%relax%"}}]}},
        project={"node": ["id", "uuid", "node_type", "process_type", "label", "ctime", "mtime"]},
        limit=5000,
        offset=0,
        distinct=True,
    ),
    "explorer, of a group": query(
        {"tag": "group", "entity_type": "group.core", "orm_base": "group"},
        vertex("node", with_group="group"),
        filters={"group": {"label": "favourites/Ada's"}},
        project={"node": ["id", "uuid"]},
        limit=5000,
    ),
    "aiidatree": query(
        vertex("main", CHAIN),
        vertex("called", "process.ProcessNode.", with_incoming="main") | {"edge_tag": "edge"},
        project={"main": ["id"], "called": ["uuid", "attributes.process_label"], "edge": ["label", "type"]},
        order_by=[{"main": [{"id": {"order": "asc"}}]}, {"called": [{"ctime": {"order": "desc"}}]}],
    ),
    "outgoing": query(
        vertex("job", JOB), vertex("input", with_outgoing="job"), project={"job": ["id"], "input": ["id"]}
    ),
    "edge filters": query(
        N,
        vertex("m", with_incoming="n") | {"edge_tag": "e"},
        filters={"e": {"type": "create", "label": {"like": "re%"}}},
        project={"n": ["id"], "m": ["id"], "e": ["label"]},
    ),
    "ancestors": query(
        vertex("s", S),
        vertex("below", with_ancestors="s"),
        project={"s": ["id"], "below": ["id"]},
        filters={"s": {"id": 5}},
    ),
    "descendants": query(
        N, vertex("above", S, with_descendants="n"), project={"n": ["id"], "above": ["id"]}, filters={"n": {"id": 70}}
    ),
    "groups of nodes": query(
        N,
        {
            "tag": "g",
            "entity_type": "group.core",
            "orm_base": "group",
            "joining_keyword": "with_node",
            "joining_value": "n",
        },
        project={"n": ["id"], "g": ["label", "type_string", "id"]},
    ),
    "users": query(
        {"tag": "u", "entity_type": "user", "orm_base": "user"},
        vertex("n", with_user="u"),
        project={"u": ["id", "first_name"], "n": ["id"]},
    ),
    "user of a node": query(
        vertex("n", JOB),
        {"tag": "u", "entity_type": "user", "orm_base": "user", "joining_keyword": "with_node", "joining_value": "n"},
        project={"n": ["id"], "u": ["last_name"]},
    ),
    "computers": query(
        {"tag": "c", "entity_type": "computer", "orm_base": "computer"},
        vertex("n", with_computer="c"),
        project={"c": ["label", "hostname"], "n": ["id"]},
    ),
    "three": query(
        vertex("w", CHAIN),
        vertex("c", JOB, with_incoming="w"),
        vertex("d", D, with_incoming="c"),
        project={"w": ["id"], "c": ["id"], "d": ["id", "attributes"]},
    ),
    "no projection": query(vertex("w", CHAIN), vertex("c", JOB, with_incoming="w"), project={"w": [], "c": []}),
    "in": query(N, filters={"n": {"id": {"in": [1, 2, 3, 99]}}}, project={"n": ["pk", "user", "computer"]}),
    "not in": query(N, filters={"n": {"label": {"!in": ["", "silicon"]}}}, project={"n": ["id"]}),
    "like": query(
        N, filters={"n": {"label": {"like": "%s%"}, "node_type": {"!like": "process.%"}}}, project={"n": ["id"]}
    ),
    "ilike": query(N, filters={"n": {"label": {"ilike": "%S%"}}}, project={"n": ["id"]}),
    "and or": query(
        N,
        filters={"n": {"!and": [{"id": {">": 5}}, {"or": [{"label": "x"}, {"id": {"<": 80}}]}]}},
        project={"n": ["id"]},
    ),
    "equal": query(N, filters={"n": {"attributes.value": {"==": 7}}}, project={"n": ["id", "attributes.value"]}),
    "equal text": query(N, filters={"n": {"attributes.process_state": "finished"}}, project={"n": ["id"]}),
    "greater": query(N, filters={"n": {"attributes.value": {">": 0}}}, project={"n": ["id"]}),
    "yes": query(N, filters={"n": {"attributes.value": True}}, project={"n": ["id", "attributes.value"]}),
    "has_key": query(N, filters={"n": {"attributes": {"has_key": "energy"}}}, project={"n": ["id"]}),
    "contains": query(N, filters={"n": {"attributes.list": {"contains": [3]}}}, project={"n": ["id"]}),
    "contains keys": query(
        N, filters={"n": {"attributes": {"contains": {"pbc1": True, "pbc3": False}}}}, project={"n": ["id"]}
    ),
    "of_length": query(N, filters={"n": {"attributes.sites": {"of_length": 1}}}, project={"n": ["id"]}),
    "longer": query(N, filters={"n": {"attributes.sites": {"longer": 1}}}, project={"n": ["id"]}),
    "not shorter": query(N, filters={"n": {"attributes.sites": {"!shorter": 2}}}, project={"n": ["id"]}),
    "of_type": query(N, filters={"n": {"attributes.value": {"of_type": "number"}}}, project={"n": ["id"]}),
    "nothing there": query(N, filters={"n": {"dbcomputer_id": None}}, project={"n": ["id"]}),
    "casts": query(
        N,
        filters={"n": {"attributes.value": {"of_type": "number"}}},
        project={"n": ["id", {"attributes.value": {"cast": "f"}}]},
        order_by=[{"n": [{"attributes.value": {"order": "desc", "cast": "f"}}]}],
    ),
    "order and window": query(N, project={"n": ["id"]}, order_by=[{"n": [{"ctime": "desc"}, "id"]}], limit=3, offset=2),
    "distinct": query(N, project={"n": ["node_type"]}, distinct=True),
    "count": query(N, project={"n": [{"id": {"func": "count"}}]}),
    "max": query(N, project={"n": [{"ctime": {"func": "max"}}]}),
    "names": query(N, filters={"n": {"id": 5}}, project={"n": ["id", "label"]}, project_map={"n": {"label": "name"}}),
    "extras": query(N, filters={"n": {"extras": {"has_key": "trialBool"}}}, project={"n": ["id", "extras"]}),
    "by uuid": query(N, filters={"n": {"uuid": {"in": [graph.silicon, graph.relax]}}}, project={"n": ["uuid"]}),
    "by its beginning": query(N, filters={"n": {"uuid": {"like": "338357f4%"}}}, project={"n": ["id"]}),
    "outer": query(
        vertex("n", S),
        {
            "tag": "c",
            "entity_type": "computer",
            "orm_base": "computer",
            "joining_keyword": "with_node",
            "joining_value": "n",
            "outerjoin": True,
        },
        project={"n": ["id"], "c": ["label"]},
    ),
    "none": query(N, filters={"n": {"id": -1}}),
    "short": {"path": [{"entity_type": D, "tag": "d", "project": ["id", "label"]}], "project": {"d": ["id", "label"]}},
}

NOT_ON_SQLITE = {
    "/nodes?orderby=node_type,-mtime&limit=40": "aiida-core orders by bytes there",
    "/nodes/statistics": "SQLite rounds the last microsecond of a day up to the next",
    "/nodes/statistics?user=2": "SQLite rounds the last microsecond of a day up to the next",
    "quotes": "aiida-core answers there, but finds nothing",
    "greater": "aiida-core compares integers there: 0.5 is not greater than 0",
    "yes": "aiida-core answers 1 there",
    "contains keys": "aiida-core's json_contains knows no objects",
    "of_type": "aiida-core counts booleans there",
    "casts": "aiida-core counts booleans there",
}
"""What aiida-core answers otherwise on SQLite, and how."""

FAULTS: list[tuple[str, int, int]] = [
    ("/nodes?ctime>2016-04-23T05:45", 500, 200),
    ("/nodes?mtime>=2016-05-01", 500, 200),
    ("/nodes?nokey=1", 500, 400),
    ("/nodes?label=", 500, 400),
    ("/nodes?limit=500", 500, 400),
    ("/nodes?limit=0", 200, 400),
    ("/nodes?limit=abc", 500, 400),
    ("/nodes/page/1?perpage=500", 500, 400),
    ("/nodes/page/99", 500, 400),
    ("/nodes/ffffffff", 500, 404),
    ("/nodes/338357f4", 500, 400),
    (f"/nodes/{ids[graph.silicon]}", 500, 200),
    ("/users/1", 500, 200),
    ("/users?orderby=-user_email", 500, 400),
    ("/nodes?full_type=process.%25|%25", 500, 200),
    ('/nodes?label=like="%data%"', 200, 200),
    (f"/nodes/{graph.parameters}/contents/derived_properties", 500, 200),
    (f"/nodes/{graph.trajectory}/contents/derived_properties", 500, 200),
    (f"/nodes/{graph.silicon}/download", 500, 400),
    (f"/nodes/{graph.silicon}/download?download_format=nothing", 500, 501),
    (f"/nodes/{graph.relax}/download?download_format=cif", 500, 501),
    (f'/nodes/{graph.folder}/repo/contents?filename="absent"', 500, 404),
    (f"/nodes/{graph.folder}/repo/contents?filename=README.txt", 500, 200),
    (f'/calcjobs/{graph.relax_scf}/input_files?filename=".aiida"', 500, 200),
    (f"/processes/{graph.silicon}/report", 500, 404),
    ("/nodes?id=in=5", 500, 200),
    ('/nodes?label=in="silicon"', 200, 200),
    ("/nodes?id>3&&limit=1", 500, 200),
    ("/nodes?fields=full_type&limit=1", 500, 200),
    ("/nodes/page/links/incoming", 500, 404),
    ("/nothing", 404, 404),
]
"""A request, the status that aiida-core 2.9 gives, and ours."""

POST_FAULTS: dict[str, tuple[dict[str, Any], int, int]] = {
    "node": ({"path": [{"entity_type": "node", "tag": "n"}], "project": {"n": ["id"]}, "limit": 2}, 500, 200),
    "no project": ({"path": [{"entity_type": "", "tag": "n"}], "limit": 2}, 500, 200),
    "no tag": ({"path": [{"entity_type": D}], "project": {}}, 500, 200),
    "times": (query(N, filters={"n": {"ctime": {">": "2016-05-03T12:00:00+02:00"}}}, project={"n": ["id"]}), 500, 200),
    "depth": (
        query(N, vertex("m", with_ancestors="n") | {"edge_tag": "e"}, project={"e": ["depth"], "n": ["id"]}),
        500,
        200,
    ),
    "quotes": (query(N, project={"n": ['attributes.say "hi"']}, limit=3), 500, 200),
    "metadata": (query({"tag": "c", "entity_type": "computer"}, project={"c": ["metadata.workdir"]}), 500, 200),
    "metadata of logs": (query({"tag": "l", "entity_type": "log"}, project={"l": ["metadata"]}), 500, 200),
    "no column": (query(N, project={"n": ["nothing"]}), 500, 400),
    "no JSON": ({"path": 5}, 500, 400),
}
