"""URLs that are built of Flask's rules."""

from __future__ import annotations

from typing import Any

import pytest
from flask import url_for
from werkzeug.routing import BuildError, Map, Rule

from aiida_like.profiles import demo
from restapi import create_app
from restapi.http.lazy_rule import LazyRule

CASES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"string": "/nodes"}, {}),
    ({"string": "/nodes"}, {"limit": 5, "label": "a b"}),
    ({"string": "/nodes/page/<int:page>"}, {"page": 3, "perpage": 20}),
    ({"string": "/nodes/<path:name>"}, {"name": "a/b c"}),
    ({"string": "/nodes/<id>", "defaults": {"form": "json"}}, {"id": 7, "form": "json"}),
    ({"string": "/nodes", "subdomain": "<who>"}, {"who": "me"}),
)


@pytest.mark.parametrize(("rule", "values"), CASES)
@pytest.mark.parametrize("append_unknown", [True, False])
def test_the_url_is_that_of_werkzeug(rule: dict[str, Any], values: dict[str, Any], append_unknown: bool) -> None:
    lazy, eager = (
        Map([kind(endpoint="it", **rule)]).bind("localhost").build("it", dict(values), append_unknown=append_unknown)
        for kind in (LazyRule, Rule)
    )
    assert lazy == eager


def test_what_is_missing_is_missed() -> None:
    with pytest.raises(BuildError, match="id"):
        Map([LazyRule("/nodes/<id>", endpoint="it")]).bind("localhost").build("it", {})


def test_an_application_compiles_no_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a URL is built: then those of its rules, once."""
    compiled, compile_builder = [], Rule._compile_builder

    def counted(rule: Rule, append_unknown: bool = True) -> Any:
        compiled.append(rule.rule)
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", counted)
    app = create_app(demo(), {})
    assert compiled == []
    rule = next(rule for rule in app.url_map.iter_rules() if rule.rule == "/healthz")
    with app.test_request_context():
        assert [url_for(rule.endpoint), url_for(rule.endpoint)] == ["/healthz", "/healthz"]
    assert compiled == ["/healthz"]
