"""How any WAL is driven: adapters, the driver protocol, the worker that runs both."""
