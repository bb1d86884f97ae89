"""`fugue`: the command line. One module a verb, imported only when asked for."""
