"""Events in; terminal, NDJSON and Markdown out."""
