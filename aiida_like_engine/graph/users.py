"""AiiDA's users, of which each account is one, and the computers that they may use. Called in the ORM's thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiida import orm


@dataclass(frozen=True)
class Owner:
    """The account that nodes belong to: AiiDA knows people by their addresses, and pages show their names.

    `name` is empty for an account that was removed.
    """

    name: str
    email: str


def user(owner: Owner) -> orm.User:
    """AiiDA's user of an account, made if there is none, who has its name and may use what is configured."""
    _, found = orm.User.collection.get_or_create(email=owner.email)
    if not (found.first_name or found.last_name):
        found.first_name = owner.name
    if not found.is_stored:
        found.store()
    engines_own = orm.User.collection.get_default()
    for computer in orm.Computer.collection.all():
        # The user is let to other computers when these are configured: this is asked again at each upload and job.
        if not computer.is_user_configured(found) and computer.is_user_configured(engines_own):
            parameters = computer.get_authinfo(engines_own).get_auth_params()
            orm.AuthInfo(computer, found).store().set_auth_params(parameters)
    return found


def computers_to_configure() -> Mapping[str, str]:
    """The types of transport of computers that the engine's own user cannot reach yet, by the labels of these."""
    engines_own = orm.User.collection.get_default()
    return {
        computer.label: computer.transport_type
        for computer in orm.Computer.collection.all()
        if not computer.is_user_configured(engines_own)
    }
