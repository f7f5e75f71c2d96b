"""What works as long as the engine does: the supervisor, the gateway that web workers ask, and its dispatcher."""
