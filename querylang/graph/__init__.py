"""A dictionary of AiiDA's QueryBuilder -> SELECT: paths through the graph, with filters and projections.

dictionary -> read.py      ast.GraphQuery, by path.py, filters.py, operators.py and projections.py
GraphQuery -> compile.py   one statement and its values
"""
