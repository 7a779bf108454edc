"""What the engine says of itself while it runs: figures for Prometheus, probes of what it depends on."""
