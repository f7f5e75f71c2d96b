"""The query language in short, in Markdown."""

from __future__ import annotations

from querylang.ast import Operator

_OPERATORS = "\n".join(f"| `{operator.value}` | {operator.meaning} |" for operator in Operator)

LANGUAGE = f"""
A query string is a list of `KEY OPERATOR VALUE`, joined by `&`. **Options** have reserved keys, such as `limit`,
and take only `=`. All other keys are **filters**, conditions that must hold together. Keys and operators can be typed
as they are, with raw quotes, `<`, `>` and `%`:

    nodes?id>45&label=like="si%"&attributes.energy<-3.5&orderby=-ctime&limit=5

Text stands in double quotes; times are `2016-04-23` or `2016-04-23T05:45+03:45`, and mean the whole day or minute.
A dotted path names what lies in attributes and extras. `filter=` takes an expression with `AND`, `OR`, `NOT` and
parentheses. A comparison of another sort than `=` is written here behind the key's `=`, as far as its operator begins
with one: `like="si%"` for the key `label`; or in `filter`.

| operator | meaning |
| --- | --- |
{_OPERATORS}

More of it stands in `docs/query-language.md`, which comes with the program.
"""
