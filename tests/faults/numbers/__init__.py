"""Invoice numbers at the ends of days: closed, proven, audited, and tampered with."""
