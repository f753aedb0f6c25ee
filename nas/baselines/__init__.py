"""The models that a user would pick instead of a searched one, each in a file of its own behind one interface."""
