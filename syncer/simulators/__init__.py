"""Real HTTP servers that stand for the vendors' platforms: they refuse what the vendor refuses, and break on request.

Each vendor's simulator is a product of its own: it imports the standard library, aiohttp and `faults`, nothing else
of the engine, so that a mistake in the engine's understanding of a platform cannot hide in the simulator too.
"""
