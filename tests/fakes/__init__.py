"""Stand-ins for the ports, complete and with state to look at."""
