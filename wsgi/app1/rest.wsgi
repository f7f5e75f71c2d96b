"""What mod_wsgi runs: an application for the profile that config.py names."""

from pathlib import Path

from restapi import create_app
from restapi.config import settings_of_file

# Where the settings are; any other place will do.
config_file_path = Path(__file__).with_name("config.py")

# True: what goes wrong inside is written to Apache's error log with its traceback. Clients never see it.
catch_internal_server = True

application = create_app(settings=settings_of_file(config_file_path), catch_internal_server=catch_internal_server)
