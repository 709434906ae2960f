"""Judges a log that survived an incident, without running its subject."""
