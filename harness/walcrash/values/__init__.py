"""Values without effects that the rooms hand to each other, and their stored form."""
