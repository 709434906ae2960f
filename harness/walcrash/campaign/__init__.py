"""Many cases under a budget, told as lines of the event log."""
