"""Served inferences: arrivals, batches, what a request waits for."""
