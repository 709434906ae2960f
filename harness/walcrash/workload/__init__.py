"""What is drawn for a case: operations, content, crash points."""
