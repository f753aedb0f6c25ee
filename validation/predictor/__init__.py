"""How well learned predictors do on points that they have not seen: error, rank correlation, learning curve."""
