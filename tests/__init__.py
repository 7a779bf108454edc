"""Tests: unit (pure), contract (every adapter the same), integration (real servers), faults (killing things)."""
