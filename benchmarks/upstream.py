"""aiida-core's own server as a WSGI application, for the environment that has aiida-core[rest] (`.venv-peer`).

AIIDA_PATH=FOLDER BENCHMARK_PROFILE=sqlite gunicorn -w 2 'benchmarks.upstream:create_app()'
"""

from __future__ import annotations

import os
from typing import Any


def create_app() -> Any:
    from aiida import load_profile
    from aiida.restapi.run_api import configure_api

    load_profile(os.environ["BENCHMARK_PROFILE"])
    return configure_api().app
