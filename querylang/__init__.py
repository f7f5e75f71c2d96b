"""The filter language: the text of a query string becomes a SELECT over the graph. No HTTP."""
