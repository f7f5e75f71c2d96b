"""gunicorn, as `aiida-like serve` runs it."""

from __future__ import annotations

import gc
import socket
from typing import Any

from aiida_like.errors import TargetError


def check_address(hostname: str, port: int) -> None:
    """Checks an address, because gunicorn would try for seconds and then print a traceback.

    Raises:
        TargetError: the address cannot be listened at.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise TargetError(
            f"cannot listen at {hostname}, port {port}: {error.strerror}; choose with -H and -P"
        ) from error


def freeze_modules(_: Any) -> None:
    """Takes the objects of modules, which live as long as the process, out of Python's garbage collector.

    For workers, which serve nothing else.
    """
    gc.freeze()


def run(application: Any, address: str, workers: int, threads: int) -> None:
    """Serves the application until the process is ended."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            options = {
                "bind": address,
                "workers": workers,
                "threads": threads,
                "worker_class": "gthread",
                # The largest query string, and room for the path.
                "limit_request_line": 8190,
                "accesslog": None,
                "loglevel": "warning",
                "proc_name": "aiida-like",
                "post_worker_init": freeze_modules,
                # A socket in the home of the user, which nobody asked for; gunicorn has it since version 25.
                "control_socket_disable": True,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return application

    Server().run()
