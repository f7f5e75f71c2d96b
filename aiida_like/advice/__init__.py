"""Advice on indexes that a stored database lacks: candidates are tried on a copy, never on the database itself.

statement -> uses.py        how it uses columns
          -> candidates.py  indexes that might serve it and are not there (catalogue.py)
          -> trial.py       a copy where they are made and timed (on_sqlite.py, on_postgresql.py)
          -> choose.py      the few that are worth it
"""
