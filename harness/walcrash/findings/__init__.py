"""What is kept of a failure and shown again: store, bundle, story, replay, pin."""
