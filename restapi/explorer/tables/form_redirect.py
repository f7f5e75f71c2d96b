"""`/filter`: where forms of tables lead. It answers 303 to the table whose query string says what the form says.

Browsers send a blank of a form as `+`, which is a plus in the query language. So no form leads to a table itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from aiida_like.errors import RequestError
from querylang.ast import Boolean, Comparison, DateTime, Filter, Integer, Literal, Operator, Query, String
from querylang.keys import split_key, unquoted
from querylang.schema import Entity, FieldType
from querylang.unparse import unparse
from restapi.explorer import filters
from restapi.explorer.ask import ApiRefused
from restapi.explorer.filters import Pair, pair_text
from restapi.explorer.schema import OPTIONS
from restapi.explorer.tables.definitions import TABLES, Table
from restapi.explorer.tables.wording import title_of
from restapi.explorer.visit import Visit
from restapi.http.reply import Reply, redirect

_OF_GROUP = re.compile(r"/groups/[0-9A-Za-z-]+")

_TEXTUAL = frozenset({FieldType.STRING, FieldType.UUID})
_OF_TEXT = frozenset({Operator.LIKE, Operator.ILIKE, Operator.HAS, Operator.STARTS_WITH})
_BY_SYMBOL = {each.value: each for each in Operator}


def view(visit: Visit) -> Reply:
    """Raises ApiRefused: the form is none of a table."""
    sent = visit.options
    path, text = sent.get("to", ""), sent.get("query", "")
    entity = _entity_at(path)
    if "line" in sent:
        text = _changed(sent["line"].strip().removeprefix("?"), lambda query: query)
    elif "shown" in sent:
        shown = [each.strip() for word in visit.option_lists["shown"] for each in _split(word) if each.strip()]
        text = _changed(text, lambda query: _with_columns(query, shown))
    else:
        pair = _pair(sent, entity)
        text = _added(text, pair)
        if isinstance(pair, Comparison) and pair.path:
            key, table = _key_named(sent["field"].strip(), entity), TABLES.get(path, TABLES["/nodes"])
            text = _changed(text, lambda query: _showing(query, key, table))
    return redirect(visit.url(path, text))


def _entity_at(path: str) -> Entity:
    """What the table at a path lists. Raises ApiRefused: there is none, so nothing leads there."""
    if path in TABLES:
        return TABLES[path].entity
    if _OF_GROUP.fullmatch(path):
        return TABLES["/nodes"].entity
    raise ApiRefused(HTTPStatus.BAD_REQUEST, f"to= names a table, {', '.join(TABLES)} or /groups/ID")


def _changed(text: str, change: Callable[[Query], Query]) -> str:
    """The query after a change, as it is written in URLs; one that cannot be read stays, and the table says why."""
    try:
        return unparse(change(filters.read(text)))
    except RequestError:
        return text


def _with_columns(query: Query, keys: Sequence[str]) -> Query:
    shown = dict.fromkeys(keys)
    return filters.with_option(query, "fields", shown) if shown else filters.without_options(query, "fields")


def _split(word: str) -> Sequence[str]:
    """The keys of a list with commas, some in quotes."""
    return re.findall(r'(?:"(?:[^"]|"")*"|[^,"])+', word)


def _added(text: str, pair: Pair | str | None) -> str:
    if pair is None:
        return text
    try:
        query = filters.read(text)
    except RequestError:
        return filters.joined(text, pair if isinstance(pair, str) else pair_text(pair))
    if isinstance(pair, str):
        return filters.joined(unparse(filters.from_start(query)), pair)
    return unparse(filters.added(query, pair))


def _showing(query: Query, key: str, table: Table) -> Query:
    """The query with a column of the path into JSON that a filter asks about: who filters by it wants to see it."""
    shown = filters.words_of(query, "fields") or table.columns
    hidden = {*shown, *_SHOWN_WITH_STATES}
    return query if key in hidden else filters.with_option(query, "fields", (*shown, key))


def _pair(sent: Mapping[str, str], entity: Entity) -> Pair | str | None:
    """The filter that a form says, as text if it is none; None: it says nothing."""
    key, symbol, value = (sent.get(name, "").strip() for name in ("field", "operator", "value"))
    if not key:
        return None
    key, operator = _key_named(key, entity), _BY_SYMBOL.get(symbol, Operator.EQUAL)
    if not filters.is_key(key):
        return f"{key}{operator.value}{value}"
    name, path = split_key(key)
    comparison = Comparison(name, operator, _literals(name, operator, value, entity), path)
    # As a pair of its own the key would be an option.
    return Filter(comparison) if name in OPTIONS and not path else comparison


def _key_named(text: str, entity: Entity) -> str:
    """The key that is called so on pages, or the text as it is."""
    if text in entity.filterable or text in entity.relations_by_key:
        return text
    named = {title_of(key): key for key in (*entity.fields, *_NAMED_PATHS)}
    return named.get(text.lower(), text)


_SHOWN_WITH_STATES = ("attributes.exit_status", "attributes.exit_message")

_NAMED_PATHS = ("attributes.process_state", "attributes.process_label", "attributes.exit_status")


def _literals(comparison_key: str, operator: Operator, text: str, entity: Entity) -> tuple[Literal, ...]:
    """What somebody means by a value, by the type of the key that it is compared with."""
    if operator is Operator.IS_NULL:
        return (Boolean(value=text.lower() not in {"false", "no"}),)
    relation = entity.relations_by_key.get(comparison_key)
    known = entity.filterable.get(comparison_key)
    is_list = operator.takes_list or (relation is not None and relation.links is not None)
    texts = [each.strip() for each in _split(text)] if is_list else [text]
    if relation is not None:
        return tuple(map(_name_or_id, texts))
    if operator in _OF_TEXT or known is None or known.type in _TEXTUAL:
        return tuple(String(unquoted(each) if is_list and each.startswith('"') else each) for each in texts)
    return tuple(_literal(each, is_json=known.type is FieldType.JSON) for each in texts)


def _name_or_id(text: str) -> Literal:
    if text.isascii() and text.isdecimal() and len(text) <= len("-9223372036854775808") - 2:
        return Integer(int(text))
    return String(unquoted(text) if len(text) > 1 and text[0] == text[-1] == '"' else text)


def _literal(text: str, *, is_json: bool) -> Literal:
    """The value as the query language reads it; text that is none there is meant as text."""
    try:
        (pair,) = filters.read(f"id={text}").pairs
    except (RequestError, ValueError):
        return String(text)
    if not isinstance(pair, Comparison) or len(pair.values) != 1:
        return String(text)
    (found,) = pair.values
    # Times in JSON are text.
    return String(text) if is_json and isinstance(found, DateTime) else found
