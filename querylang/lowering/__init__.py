"""Comparisons -> conditions: keys become fields, operators become predicates, by one table of operators and types."""
