"""The service of `pimsim serve` against the closed forms of queues."""
