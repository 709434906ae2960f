"""The scenario file: its format, its checks, what it names."""
