"""Settings of this application; docs/deploy.md lists all of them."""

# The name of a profile of AiiDA, an archive, the folder of a profile, or the URL of a PostgreSQL database.
PROFILE = "django"

# Where databases of archives are unpacked to, a folder that the user of the daemon may write to.
# CACHE_FOLDER = "/srv/aiida-like/cache"

# Whether each request is logged, as one line of JSON in the error log.
# ACCESS_LOG = True
