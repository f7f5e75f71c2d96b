"""Rules of Flask's router, without what only `url_for` needs until it does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from werkzeug.routing import Rule


class LazyRule(Rule):
    """werkzeug compiles two functions that build the URL of a rule, which is most of what an application takes to make.

    Here they are compiled when a URL is built for the first time. Should werkzeug call the method something else one
    day, it is only slower again.
    """

    def _compile_builder(self, *args: Any, **kwargs: Any) -> Callable[..., tuple[str, str]]:
        compile_builder = partial(super()._compile_builder, *args, **kwargs)
        compiled: Callable[..., tuple[str, str]] | None = None

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            nonlocal compiled
            compiled = compiled or compile_builder()
            return compiled(rule, **values)

        return build
