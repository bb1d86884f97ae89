"""Programs on terminals of their own: the keeper that holds them, the daemon's end of it, and the screens they show."""
