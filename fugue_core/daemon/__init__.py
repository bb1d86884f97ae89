"""The process that owns the hub and the store: sockets, turns, start and stop."""
