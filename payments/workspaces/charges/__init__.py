"""The money path: reserve, call, record."""
