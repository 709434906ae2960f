"""Scenario to cases, run, deduplicate, store; emits events."""
