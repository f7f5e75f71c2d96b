"""Settings of gunicorn for several profiles in one application, behind nginx.

gunicorn -c gunicorn.conf.py

What aiida-like can be told, the environment says: AIIDA_LIKE_ACCESS_LOG=yes and so on, see docs/deploy.md.
"""

# Names of profiles of AiiDA, archives, folders of profiles, URLs of PostgreSQL; NAME=TARGET gives another name.
wsgi_app = "restapi:create_site(['django', 'sqlalchemy'])"

bind = "unix:/run/aiida-like/socket"

# Whose X-Forwarded-Proto is believed, besides who opens the socket; by default gunicorn believes all of this machine.
forwarded_allow_ips = ""

# A process for each core. Threads wait for the database, so there may be more of them; half of them for what is slow.
worker_class = "restapi.hosting.worker.Worker"
workers = 2
threads = 8
raw_env = [f"AIIDA_LIKE_SLOW_STATEMENTS={threads // 2}"]

# Above the 10 s that a statement may take.
timeout = 60
graceful_timeout = 60

# The longest line that gunicorn takes: filters are part of the URL.
limit_request_line = 8190


def post_worker_init(_: object) -> None:
    """Takes what modules hold out of Python's collector: it stays as long as the worker."""
    import gc

    gc.freeze()


# A socket for gunicorn's own commands, in the home of the user; since version 25.
control_socket_disable = True
