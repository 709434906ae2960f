"""Real file systems recorded, and the persistence models held against what they left."""
