"""A provider with many customers, for a simulated month, and killed at every step. Long ones: `make soak` only."""
