"""`/runs/new`, and the page of a run that was not started: a form of its run-API."""

from __future__ import annotations

from http import HTTPStatus

from restapi.dialects.run_pages import UPLOAD_PAGE, Filled, RunPages, ShownRun
from restapi.explorer.runs.visit import RunVisit
from restapi.http.reply import Reply
from restapi.layout import Page

_OWN = frozenset({"api", "run", "token", "do", "action"})
"""Options and fields that are no part of what the form of a run-API holds."""


def read(visit: RunVisit) -> Page:
    """An empty form; what the query string has of its fields is filled in."""
    api = visit.api_named(visit.options.get("api", ""))
    return page(visit, api, None, None)


def take(visit: RunVisit) -> Page | Reply:
    return sent(visit, visit.api_named(visit.options.get("api", "")), None)


def sent(visit: RunVisit, api: RunPages, run: str | None) -> Page | Reply:
    """Takes what a form holds: leads to the page of the run, or shows the form again with what to change."""
    done = api.send(visit.inner, run, visit.fields)
    if done.filled is None:
        return visit.see(f"/runs/{done.run}")
    found = None if done.run is None else visit.find(done.run)[1]
    return page(visit, api, done.filled, found)


def take_file(visit: RunVisit) -> Page | Reply:
    """Hands a file on while it comes, and leads back to the form, which names it then."""
    api = visit.api_named(visit.options.get("api", ""))
    told = visit.inner.hand_on(api.upload_path)
    run = visit.options.get("run", "")
    options = {name: values for name, values in visit.option_lists.items() if name not in _OWN}
    if not told.is_refusal:
        options[api.file_field] = [*options.get(api.file_field, []), str(told.value["id"])]
        where = f"/runs/{run}" if run else "/runs/new"
        return visit.see(where, options if run else {"api": visit.options.get("api", ""), **options})
    found = visit.find(run)[1] if run else None
    problems = told.message or "; ".join(str(each) for each in (told.value or {}).get("file", [])) or "It was refused."
    return page(
        visit, api, Filled(options, {api.file_field: [f"The file was not taken: {problems}"]}, told.status), found
    )


def page(visit: RunVisit, api: RunPages, filled: Filled | None, run: ShownRun | None) -> Page:
    """The form of a new run, or of one that was not started."""
    if filled is None:
        filled = Filled({name: values for name, values in visit.option_lists.items() if name not in _OWN})
    form = api.form(visit.inner, None if run is None else run.id, filled)
    where = {} if run is None else {"run": run.id}
    kept = {name: filled.fields[name] for name in (api.file_field,) if name in filled.fields}
    values = {
        "run": run,
        "api": api,
        "apis": [(each, visit.link("/runs/new", {"api": each.name})) for each in visit.apis],
        "form": form,
        "action_path": visit.link("/runs/new", {"api": api.name}) if run is None else visit.link(f"/runs/{run.id}"),
        "upload_path": visit.link(api.upload_path),
        "upload_page": visit.link(UPLOAD_PAGE, {"api": api.name, **where, **kept}),
        "problems": filled.problems.get("", ()),
        "is_of_all": visit.account.is_superuser,
        "last_lines": "",
        "field_problems": filled.problems,
        "problem_count": sum(map(len, filled.problems.values())),
    }
    title = "New run" if run is None else run.label
    status = filled.status if filled.problems else HTTPStatus.OK
    return visit.page("runs/form.html", title, values, "run_form.js", "run_upload.js", panel=form.panel, status=status)
