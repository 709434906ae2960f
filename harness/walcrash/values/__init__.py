"""Nouns without effects: everything that the other rooms hand to each other."""
