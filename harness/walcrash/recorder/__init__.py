"""Runs a worker under system-call interception: trace, exact kill, injected errors."""
