"""Headers of a gateway such as Kong, which has looked at the key of a consumer and says who it is."""

from __future__ import annotations

import hmac
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from aiida_like.errors import TargetError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SECRET = "HTTP_X_GATEWAY_SECRET"  # noqa: S105 the name of a header
_CONSUMER = "HTTP_X_CONSUMER_USERNAME"
_ANONYMOUS = "HTTP_X_ANONYMOUS_CONSUMER"
_OTHERS = ("HTTP_X_CONSUMER_ID", "HTTP_X_CONSUMER_CUSTOM_ID", "HTTP_X_CREDENTIAL_IDENTIFIER")

_ALL = (_SECRET, _CONSUMER, _ANONYMOUS, *_OTHERS)

_SHORTEST_SECRET = 16


class GatewayRefused(Exception):
    """The headers are not those that the gateway makes."""


class Gateway:
    """A gateway that knows a secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def consumer(self, environ: WSGIEnvironment) -> str | None:
        """The name of the consumer; None for a request that did not come through the gateway, or of nobody.

        Two headers of one name come as `bob,alice`, in the spelling with underscores too: no name has a comma.

        Raises:
            GatewayRefused: some of its headers are there, but not as it makes them.
        """
        if not any(name in environ for name in _ALL):
            return None
        given = environ.get(_SECRET, "").encode("latin-1")
        if not hmac.compare_digest(given, self._secret):
            raise GatewayRefused("the headers of a gateway came without its secret")
        if _ANONYMOUS in environ:
            return None
        name = str(environ.get(_CONSUMER, ""))
        if not name or "," in name:
            raise GatewayRefused("the gateway names no consumer, or several")
        return name


def gateway_of(file: str | None) -> Gateway | None:
    """The gateway whose secret stands in a file that nobody but its owner and its group may read.

    Raises:
        TargetError: it cannot be read, others may read it, or it holds no secret to speak of.
    """
    if file is None:
        return None
    path = Path(file)
    try:
        mode = path.stat().st_mode
        secret = path.read_bytes().strip()
    except OSError as error:
        raise TargetError(
            f"the setting GATEWAY_SECRET_FILE names {path}, which cannot be read: {error.strerror}"
        ) from error
    if stat.S_IMODE(mode) & 0o137:
        raise TargetError(f"others can read or change the secret of the gateway in {path}: chmod 600 {path}")
    if len(secret) < _SHORTEST_SECRET or b"," in secret:
        raise TargetError(f"{path} holds no secret of at least {_SHORTEST_SECRET} characters without a comma")
    return Gateway(secret)
