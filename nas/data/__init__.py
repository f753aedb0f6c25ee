"""Data sets for click prediction: public file formats in, three fixed splits out."""
