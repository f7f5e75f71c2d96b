"""gunicorn's worker class of ours: one loop waits for all clients, and threads answer requests that are whole.

A client that stalls takes no thread. The loop reads a request until its head and its body are there, and keeps what a
client does not take of an answer; between the pieces of a long answer others have their turn. `/healthz` has a thread
of its own. (A thread of gunicorn's `gthread` waits for the rest of a request, and for whoever reads slowly.)

An application may take the body of a request while it comes: if it has a function `streams`, that is asked by the
environment of each request with a body. Such a request has one of four threads for itself until the application
returns; to read waits for the client, and raises TimeoutError if nothing comes for a minute, and ConnectionAbortedError
if the client has gone. What is answered piece by piece cannot read on.

Where the worker itself refuses a request it says why in JSON, under the key that the application's function
`message_key` tells of the environment; without one it is `message`.

    worker_class = "restapi.hosting.worker.Worker"
"""

from __future__ import annotations

from typing import Any

from gunicorn.workers.base import Worker as Process

from restapi.config import Settings
from restapi.hosting.conversation import STREAMS, Conversations
from restapi.hosting.loop import Loop


class Worker(Process):  # type: ignore[misc]  # gunicorn has no types
    @classmethod
    def check_config(cls, cfg: Any, _: Any) -> None:
        if cfg.is_ssl:
            raise RuntimeError(f"{cls.__module__}.{cls.__name__} speaks no TLS: let a proxy do that, or take gthread")

    def run(self) -> None:
        settings = getattr(self.wsgi, "settings", None) or Settings()
        streams = getattr(self.wsgi, "streams", None)
        message_key = getattr(self.wsgi, "message_key", None)
        conversations = Conversations(self, settings.max_body_length, streams, message_key)
        Loop(self, conversations.begin, settings.client_seconds, STREAMS if streams else 0).run()
