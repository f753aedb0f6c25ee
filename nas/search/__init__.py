"""Searches over a space by asking and telling, scores from a supernet, and the table of all that was scored."""
