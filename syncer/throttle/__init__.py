"""The limiter that all workers share: one script in Redis, and its twin in the process for when Redis is away."""
