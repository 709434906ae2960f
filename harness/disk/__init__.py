"""Persistence models: trace in, images out, with no effect on anything."""
