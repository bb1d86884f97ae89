"""All that can cross the wire, as msgspec Structs. No I/O."""
