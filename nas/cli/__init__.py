"""The commands of `nas`: parsing and printing only."""
