"""Who is calling: users, tokens and the guards that every room shares."""
