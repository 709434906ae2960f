"""The search: many cases under a budget, reported as lines of the event log."""
