"""The protocol: what a request says, and how an answer goes back; nothing here knows a resource."""
