"""fugue's entries in the configuration of programs in which agents run: put in, found, taken out.

document.py       a file's text that can be changed here and there; what a change of it may raise
jsondocument.py   JSON, with comments or without. Pure
tomldocument.py   TOML. Pure
entry.py          which entries are fugue's, and what they should be. Pure
file.py           reading, and writing so that nothing is lost
"""
