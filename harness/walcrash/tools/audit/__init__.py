"""Which syncs carry the promise."""
