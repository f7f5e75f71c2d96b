"""A dictionary of AiiDA's QueryBuilder -> SELECT: paths through the graph, with filters and projections on the way.

dictionary -> read.py, filters.py   ast.GraphQuery
GraphQuery -> compile.py            one statement and its values
"""
