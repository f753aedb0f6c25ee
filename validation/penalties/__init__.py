"""How well lookup tables and expected costs agree with the simulator."""
