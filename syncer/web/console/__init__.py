"""The console: one live page for whoever watches over the engine; it reads and changes nothing."""
