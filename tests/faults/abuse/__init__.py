"""What people try who want what is not theirs."""
