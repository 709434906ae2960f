"""What is kept of a failure: the store, the bundle, the story, the pinned case."""
