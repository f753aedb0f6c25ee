"""Search spaces as data: choices, encodings, distances, mutation, counting; no weights."""
