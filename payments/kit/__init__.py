"""Tools that know no payments word: everything above may use them, they use nothing above."""
