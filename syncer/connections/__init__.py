"""What `syncer.http` is made of: sockets under one deadline, forms that leave in pieces, a trace without secrets."""
