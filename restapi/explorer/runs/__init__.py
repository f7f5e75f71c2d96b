"""Pages of runs: a list of those of all run-APIs, each on its own page, and forms to start them.

What they show each run-API tells (`restapi.dialects.run_pages`); what they change they send to its resources.
"""
