"""A module that cannot be imported."""


def _connect() -> None:
    raise ConnectionError("the log server is not there")


_connect()
