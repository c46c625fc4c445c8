"""Small measurements, each against something simple in the same run."""
