"""The package as users get it: built, installed into an empty environment, started outside the checkout."""

from __future__ import annotations

import json
import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.conftest import ROOT, built, run
from tests.environments import make_environment
from tests.servers import free_port, serving


def test_what_the_wheel_holds(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as zipped:
        names = zipped.namelist()
    (documents,) = {name.partition("/docs/")[0] for name in names if "/docs/" in name and ".data/" in name}
    assert documents.endswith(".data/data/share/doc/aiida-like")
    names = [name.removeprefix(f"{documents}/") for name in names]
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "aiida_like", "aiida_like_engine", "docs", "querylang", "restapi",
    }  # fmt: skip
    assert {name for name in names if not name.endswith(".py") and ".dist-info" not in name} == {
        *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.*") if path.suffix in (".md", ".svg")),
        "aiida_like/demo/demo.aiida",
        "aiida_like/demo/demo.toml",
        "aiida_like/py.typed",
        "aiida_like_engine/py.typed",
        "querylang/py.typed",
        "restapi/py.typed",
        "restapi/commands/templates/config.py.jinja",
        "restapi/commands/templates/rest.wsgi.jinja",
        "restapi/commands/templates/site.conf.jinja",
        "restapi/dialects/jobs/templates/job_form.html",
        "restapi/dialects/jobs/templates/job_steps.html",
        *(
            str(path.relative_to(ROOT))
            for room in ("layout", "explorer")
            for folder in ("templates", "static")
            for path in (ROOT / "restapi" / room / folder).rglob("*.*")
        ),
    }
    assert [name for name in names if name.startswith("aiida_like/demo/")] == [
        "aiida_like/demo/demo.aiida",
        "aiida_like/demo/demo.toml",
    ]


def test_the_documents_that_are_named_are_there(wheel: Path) -> None:
    """By the files of the packages, by their answers, and by one another."""
    with zipfile.ZipFile(wheel) as zipped:
        names = {name.partition("/share/doc/aiida-like/")[2] for name in zipped.namelist()}
        read = {
            name: zipped.read(name).decode() for name in zipped.namelist() if name.endswith((".py", ".jinja", ".md"))
        }
    named = {found for text in read.values() for found in re.findall(r"\bdocs/[a-z0-9-]+\.md", text)}
    named |= {
        f"docs/{found}"
        for name, text in read.items()
        if "/docs/" in name
        for found in re.findall(r"\]\(([a-z0-9-]+\.(?:md|svg))", text)
    }
    assert len(named) > 5
    assert named <= names


def test_the_sdist_holds_all(source: Path, tmp_path: Path) -> None:
    """Tests run from it, as from a checkout."""
    files = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    with tarfile.open(built(source, "--sdist", tmp_path)) as packed:
        names = {member.name.partition("/")[2] for member in packed if member.isfile()}
    assert {name for name in names if ".egg-info/" not in name} == {*files, "PKG-INFO"}


def test_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    command = make_environment(tmp_path / "venv", sys.executable, str(wheel)) / "bin" / "aiida-like"
    message = run([command, "serve", "postgresql://x@127.0.0.1/x", "--repository", tmp_path], tmp_path, code=2)
    assert message == (
        f"Error: {tmp_path}/container is not a repository of AiiDA (no readable config.json of a disk-objectstore "
        "container): name the folder that holds container/\n"
    )
    root = f"http://127.0.0.1:{free_port()}"
    environment = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}
    with serving([str(command), "serve", "--demo", "-P", root.rpartition(":")[2]], root, environment):
        with urlopen(f"{root}/api/v2/users/1") as answer:
            assert json.load(answer)["data"]["users"][0]["first_name"] == "Ada"
        with urlopen(Request(root, headers={"Accept": "text/html"})) as page:
            assert b"<h1>Silicon, its bands, and what went wrong</h1>" in page.read()
        for path in ("docs", "docs/docs.js", "docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "openapi.json"):
            with urlopen(f"{root}/api/v4/{path}") as answer:
                assert answer.status == 200
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{root}/api/v2/structures/6c02/content/download")
        assert refused.value.code == 501
        assert json.load(refused.value) == {
            "message": "writing a structure as cif needs the optional part 'structures' on the server: "
            "pip install 'aiida-like[structures]'"
        }
        refused.value.close()
    assert [path.name for path in (tmp_path / "home").iterdir()] == [".cache"]
