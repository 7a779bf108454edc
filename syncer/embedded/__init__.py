"""PostgreSQL and Redis from wheels, for a machine on which nothing is installed; see `servers` for the way in.

- servers: acquire, status, stop, create_database: what the rest of the engine calls
- guardian: the one background process per home; starts the servers, stops them when nobody uses them
- ward: one server in the guardian's care
- postgres, redis: how each is found, set up, configured, started
- unprivileged: running them as another user when we are root
- processes: starting a child that cannot outlive its parent, and ending it
- record: `embedded.json`, and the lock that proves it
- locks: flock, which the kernel releases even after SIGKILL
"""
