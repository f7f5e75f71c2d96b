"""The straight way: a dialect's answer without all that Flask does around a request.

Contexts, signals, hooks and routing by regular expressions take longer than a small answer itself. They are there for
everything else: errors, wrong paths, pages, HEAD and OPTIONS, and hooks that are not ours. So what can be answered here
is answered here, and all else goes the long way, through Flask; an error too, which is raised there once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from restapi.http.answer_cache import Kept
from restapi.http.conditional import Answer
from restapi.http.exchange import Exchange
from restapi.http.headers import CROSS_ORIGIN, allow_cross_origin
from restapi.http.reply import Whole, as_response
from restapi.http.route_tree import Ways

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


def answer(exchange: Exchange, ways: Ways) -> Answer | None:
    """None: it is for Flask, which raises `exchange.raised` where there is such an error."""
    found = ways.find(exchange.environ.get("PATH_INFO", ""))
    if found is None:
        return None
    way, arguments = found
    answered = way.answers.get(exchange.method)
    if answered is None:
        return None
    try:
        again = way.conditional.answer_again(exchange)
        return way.conditional.mark(exchange, answered(**arguments)) if again is None else again
    except Exception as error:  # noqa: BLE001 Flask is asked next, and raises it again: see `routing.mount`
        exchange.raised = error
        return None


def send(answer: Answer, exchange: Exchange, start_response: StartResponse) -> Iterable[bytes]:
    headers: Iterable[tuple[str, str]]
    body: Iterable[bytes]
    if isinstance(answer, Kept):
        headers, body = answer.headers, (answer.body,)
    elif isinstance(answer, Whole) and answer.status_code == HTTPStatus.OK:
        headers, body = answer.headers.items(), (answer.body,)
    else:
        return allow_cross_origin(as_response(answer))(exchange.environ, start_response)
    start_response("200 OK", [*headers, *_CROSS_ORIGIN])
    return body


_CROSS_ORIGIN = tuple(CROSS_ORIGIN.items())
