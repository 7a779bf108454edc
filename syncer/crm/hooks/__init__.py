"""Subscribers of hooks as the other side of HTTP: their addresses, our signature, what their answers mean."""
