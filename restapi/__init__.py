"""SELECT -> HTTP: the web application. `flask --app restapi run` finds `create_app` here."""

from restapi.app import create_app

__all__ = ["create_app"]
