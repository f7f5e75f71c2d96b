"""Runs: AiiDA's engine behind a gateway, the one writer of a store. Only the engine's own processes load AiiDA.

Web workers import what lies here (`client` asks the gateway, in the words of `protocol`), and to read, `root` and
`server_db`. The other rooms are the engine's own, each above the next: `maintenance`, `services`, `graph`, `plugins`.
"""
