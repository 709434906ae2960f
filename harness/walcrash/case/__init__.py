"""One case: its boots under watch, its images, its recoveries, its stored form."""
