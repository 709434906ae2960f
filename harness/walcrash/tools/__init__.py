"""What the commands other than `run` do, each in a module or a package of its own."""
