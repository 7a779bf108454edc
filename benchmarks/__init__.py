"""How fast the engine is: ours, the plain way and the machine's own limit, measured in one run (`make bench`)."""
