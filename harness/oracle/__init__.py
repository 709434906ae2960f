"""History and recovered state in, verdict out, with no effect on anything."""
