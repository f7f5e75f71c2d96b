"""AiiDA's graph of a ROOT, by AiiDA's own ORM. Only processes of the engine import this: it loads AiiDA."""
