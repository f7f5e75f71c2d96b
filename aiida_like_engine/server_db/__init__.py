"""`server.sqlite`, what is no provenance: accounts and their keys, and files, jobs and runs as clients know them."""
