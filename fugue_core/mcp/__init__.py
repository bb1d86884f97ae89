"""`fugue mcp`: what a session can do, as tools of a server of the Model Context Protocol on stdin and stdout.

server.py     lines to calls, calls to tools, answers to lines
stdio.py      the bytes
identity.py   the connection to the daemon, and whom it speaks for
inbox.py      the mail of that session: what was given out, and what has become of it
argument.py   reads a tool's arguments
schema.py     says in JSON Schema what a tool takes and answers
tool/         the tools, one function each
"""
