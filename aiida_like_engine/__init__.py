"""Runs: AiiDA's engine behind a gateway, the one writer of a store. Only the engine's own processes load AiiDA."""
