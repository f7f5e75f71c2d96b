"""What the pages of runs show of jobs: rows of a list, a job on its own, and the form to start one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from restapi.accounts.caller import caller_of
from restapi.dialects.inner import ApiRefused, Inner
from restapi.dialects.jobs.asked import Asked, Service
from restapi.dialects.jobs.errors import refusal_of
from restapi.dialects.jobs.shown import form, job, listing
from restapi.dialects.run_pages import Filled, Form, RunList, RunPages, ShownRun, Wanted
from restapi.http.errors import FailureLog
from restapi.http.exchange import Exchange

T = TypeVar("T")


def run_pages(service: Service, log: FailureLog) -> RunPages:
    """The pages of jobs. What they ask for raises ApiRefused where the API would answer with an error."""

    def of(exchange: Exchange, make: Callable[[Asked], T]) -> T:
        try:
            return make(service.begin(exchange, {}))
        except Exception as error:  # one that the API knows no answer to is raised again
            refused = refusal_of(error, log, exchange)
            if refused is None:
                raise
            detail = refused.body.get("detail", "") if isinstance(refused.body, dict) else ""
            raise ApiRefused(refused.status, str(detail), refused.headers) from error

    def listed(exchange: Exchange, wanted: Wanted) -> RunList:
        return of(exchange, lambda asked: listing.listed(asked, wanted))

    def shown(inner: Inner, run: str) -> ShownRun | None:
        return of(inner.exchange, lambda asked: job.shown(asked, inner, run))

    def fields(inner: Inner, run: str | None, filled: Filled) -> Form:
        return of(inner.exchange, lambda asked: form.shown(asked, inner, run, filled))

    def of_node(exchange: Exchange, row: Mapping[str, Any]) -> str | None:
        if caller_of(exchange.environ).account is None:
            return None
        return of(exchange, lambda asked: job.of_node(asked, row))

    return RunPages(
        name="jobs",
        title="Job",
        listed=listed,
        shown=shown,
        form=fields,
        send=form.send,
        of_node=of_node,
        upload_path="/api/v2/files/contents/",
    )
