"""Plug-ins of AiiDA, by its entry points: how a job is described, started, watched, collected and judged."""
