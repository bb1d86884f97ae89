"""The screen of fugue: what a person sees of it, and steers it by."""
