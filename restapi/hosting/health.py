"""Health checks: `/healthz` says that the process answers, `/readyz` that its storage does."""

from __future__ import annotations

import logging

from flask import Blueprint, Response

from aiida_like.errors import NO_ANSWER, AiidaLikeError, StorageAway, TargetError
from aiida_like.storage import LazyStorage
from restapi.http.encoding import json_response

log = logging.getLogger(__name__)


def blueprint(storage: LazyStorage) -> Blueprint:
    made = Blueprint("health", __name__)

    @made.get("/healthz")
    def health() -> Response:
        return json_response({"status": "ok"})

    @made.get("/readyz")
    def readiness() -> Response:
        try:
            storage().check()
        except AiidaLikeError as error:
            # The message may name paths: for the log only.
            log.warning("not ready: %s", error)
            reason = error.reason if isinstance(error, TargetError | StorageAway) else NO_ANSWER
            return json_response({"status": f"not ready: {reason}"}, 503)
        return json_response({"status": "ready"})

    @made.after_request
    def never_store(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        return response

    return made
