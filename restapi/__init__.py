"""SELECT -> HTTP: the web application. `flask --app restapi run` finds `create_app` here."""

from restapi.hosting.app import create_app
from restapi.hosting.site import create_site

__all__ = ["create_app", "create_site"]
