"""What vttest shows in a window, page by page, as text files; and what walks through it."""
