"""What the machine gives: memory, disk and GPUs, and how it refuses them."""
