"""What a run is about and will take, told before it begins."""
