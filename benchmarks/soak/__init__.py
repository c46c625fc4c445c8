"""Mixed load under chaos, and the proof afterwards that no cent and no event is lost."""
