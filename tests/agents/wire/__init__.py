"""How agents talk to a model: a module for each form, of the shape of `endpoint.Wire`."""
