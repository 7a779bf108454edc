"""What an operator may set: the environment (`settings`), the TOML files (`files`), and the log (`logging`)."""
