"""Which syncs of a subject carry its promise after a power loss."""
