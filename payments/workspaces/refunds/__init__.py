"""Money back, the same way as it came: reserve, call, record."""
