"""Networks of the search spaces in torch: stand-alone, and sharing weights."""
