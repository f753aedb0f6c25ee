"""Reduction of table rows near the banks."""
