"""Moving a workspace between plans."""
