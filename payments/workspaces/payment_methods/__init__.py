"""Saved cards: set up in the browser, confirmed here, one of them the default."""
