"""Memory banks, request traces, placement of tables, serving."""
