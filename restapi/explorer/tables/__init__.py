"""Tables: rows that fulfil filters, with all that asks for other rows."""
