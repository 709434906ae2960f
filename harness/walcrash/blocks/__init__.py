"""Real file systems: a recording block device, its cuts, and the mounts of what they leave."""
