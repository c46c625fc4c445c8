"""What happened, when and by whom: one append-only table that every room writes to."""
