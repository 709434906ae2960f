"""One case: its boots under watch, the images that its crashes leave, their recoveries."""
