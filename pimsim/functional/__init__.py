"""What numbers do on the hardware: statistics of operands."""
