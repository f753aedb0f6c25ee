"""Design spaces, sweeps over them, and what to make of the results."""
