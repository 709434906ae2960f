"""From a failing case to its smallest, and which failing cases have one cause."""
