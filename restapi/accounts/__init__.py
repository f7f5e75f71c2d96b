"""Who asks: one caller for all dialects, settled before anything is answered. Loaded only with an engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiida_like.errors import TargetError
from restapi.config import Settings

if TYPE_CHECKING:
    from restapi.accounts.gate import Gate


def gate_of(settings: Settings, names: Iterable[str]) -> Gate | None:
    """The gate that settles callers; None without an engine. `names` are those of profiles.

    Raises:
        TargetError: as `open_gate`, or a setting needs an engine.
    """
    if settings.engine is not None:
        from restapi.accounts.gate import open_gate

        return open_gate(settings, names)
    settings.access()
    if settings.gateway_secret_file is not None or not settings.accounts:
        name = "ACCOUNTS=false" if settings.gateway_secret_file is None else "GATEWAY_SECRET_FILE"
        raise TargetError(f"{name} needs an ENGINE, which has the accounts")
    return None
