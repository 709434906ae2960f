"""Runs a worker under system-call interception: its trace, and its kill at an exact place."""
