"""Clients of the daemon."""
