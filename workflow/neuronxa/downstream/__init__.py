"""What models can do in each language: probes that run here, and scores that users bring."""
