"""Loop-written reference implementations, kept apart from `src` so that each can convict the other."""
