"""OpenAPI 3.1: what a dialect takes and answers, described from the tables that it is made of."""
