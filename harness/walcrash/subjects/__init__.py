"""How any WAL is driven: the adapter, the worker that runs it, built-in adapters."""
