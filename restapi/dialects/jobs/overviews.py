"""What can be run, on what, and by whom."""

from __future__ import annotations

from restapi.dialects.jobs import render
from restapi.dialects.jobs.asked import JobsResource
from restapi.dialects.jobs.pages import listed, part
from restapi.dialects.jobs.records import Owner
from restapi.http.encoding import json_reply
from restapi.http.reply import Reply


class Analyses(JobsResource):
    """`/analyses/`: the programs that jobs can run."""

    def get(self) -> Reply:
        page, catalogue = self.asked.page(), self.asked.catalogue
        known = list(catalogue.analyses.values())
        objects = [render.analysis_object(each, catalogue) for each in part(known, page)]
        return json_reply(listed(self.asked.url(), self.asked.query_string, page, len(known), objects))


class CoreTypes(JobsResource):
    """`/coretypes/`: the kinds of nodes that jobs can run on."""

    def get(self) -> Reply:
        page, known = self.asked.page(), list(self.asked.catalogue.coretypes.values())
        objects = [render.core_type_object(each, order) for order, each in enumerate(known)]
        return json_reply(listed(self.asked.url(), self.asked.query_string, page, len(known), part(objects, page)))


class Me(JobsResource):
    """`/users/me/`: whoever asks."""

    def get(self) -> Reply:
        account = self.asked.account
        return json_reply(render.user_object(Owner(account.name, account.email)))


class Overview(JobsResource):
    """`/`: the lists of this interface."""

    def get(self) -> Reply:
        names = ("analyses", "coretypes", "files", "jobs")
        return json_reply({name: f"{self.asked.links.root}/api/v2/{name}/" for name in names})
