"""Sentences that every adapter of a port must make true."""
