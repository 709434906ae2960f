"""The stores that people use, each behind the adapter, one file a store."""
