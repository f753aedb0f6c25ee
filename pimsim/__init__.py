"""pimsim: energy, latency, area and accuracy of neural networks on processing-in-memory hardware."""
