"""A log that survived an incident, judged offline."""
