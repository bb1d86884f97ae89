"""The panes. Each is given data and posts what the user did; none knows the client."""
