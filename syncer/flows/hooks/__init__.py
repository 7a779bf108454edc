"""Hooks: subscribers outside are told what happens, by a POST to their address."""
