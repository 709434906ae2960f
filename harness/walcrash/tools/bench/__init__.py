"""What the harness costs, as ratios within one run."""
