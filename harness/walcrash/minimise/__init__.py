"""From a failing case to its smallest, and which cases have one cause."""
