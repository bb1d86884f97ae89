"""Real agent programs against fugue, offline: `python -m tests.agents [NAME]...`.

Not part of `make test`: it installs the programs by npm, some 1.5 GB, and takes minutes. All else runs in a network of
its own, in which nothing is reached but this machine, where a scripted model answers each agent:

    install.py      the programs, in a scratch directory
    namespace.py    a network and a list of processes of our own
    endpoint.py     the scripted model; `wire/` has a module for each of the four forms in which agents talk to one
    house.py        a daemon with a home directory for each agent
    agent/          how each program is told of its model, of `fugue mcp` and of `fugue hook`, and how it is run
    proof.py        what is proved of an agent, one function each
    pair.py         two of different vendors, one of which asks the other
    workflow.py     the workflows of the documentation, played by agents
    inspector.py    the MCP inspector's command line, which calls every tool
    report.py       the table at the end

What a message did is never believed from one side: a proof compares what `fugue trace` says with what stood in the
requests that reached the model.
"""
