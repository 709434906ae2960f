"""The stores that people use, each behind an adapter."""
