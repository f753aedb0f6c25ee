"""Training: the loop, its optimisers and schedules, quality metrics, checkpoints and the store of runs."""
