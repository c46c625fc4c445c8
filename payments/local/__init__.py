"""The whole service on one machine: everything a fresh clone needs to take its first payment."""
