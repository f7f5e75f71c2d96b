"""Programs that run the same again."""

from __future__ import annotations

import json
from typing import Any

from restapi.dialects.run_pages import Repeat


def in_json(repeat: Repeat) -> str:
    return json.dumps(repeat.document, indent=2, ensure_ascii=False)


def in_curl(repeat: Repeat, root: str) -> str:
    """Two commands; `root` is the URL of the mount. No line of JSON is `END`, as each text in it has its quotes."""
    root = _in_quotes(root)
    return (
        f"curl -H \"Authorization: Token $KEY\" --json @- '{root}{repeat.path}' <<'END'\n{in_json(repeat)}\nEND\n\n"
        f'# ID is the "id" of the answer:\n'
        f"curl -H \"Authorization: Token $KEY\" -X POST '{root}{repeat.submit}'\n"
    )


def in_python(repeat: Repeat, root: str) -> str:
    return (
        "import json\nimport os\nfrom urllib.request import Request, urlopen\n\n"
        f"ROOT = {json.dumps(root)}\n\n\n"
        "def post(path, value=None):\n"
        '    headers = {"Authorization": f"Token {os.environ[\'KEY\']}", "Content-Type": "application/json"}\n'
        '    data = b"" if value is None else json.dumps(value).encode()\n'
        '    with urlopen(Request(ROOT + path, data, headers, method="POST")) as answer:\n'
        '        return json.loads(answer.read() or b"null")\n\n\n'
        f"run = post({json.dumps(repeat.path)}, {_literal(repeat.document)})\n"
        f'post({json.dumps(repeat.submit)}.replace("ID", run["id"]))\nprint(run["id"])\n'
    )


def _literal(value: Any, indent: str = "") -> str:
    """A value of JSON as Python writes it."""
    inner = indent + "    "
    if isinstance(value, dict) and value:
        lines = (f"{inner}{_literal(key)}: {_literal(each, inner)},\n" for key, each in value.items())
        return "{\n" + "".join(lines) + indent + "}"
    if isinstance(value, list) and value:
        return "[\n" + "".join(f"{inner}{_literal(each, inner)},\n" for each in value) + indent + "]"
    return repr(value)


def _in_quotes(url: str) -> str:
    return url.replace("'", "%27")
