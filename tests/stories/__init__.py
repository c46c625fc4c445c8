"""Long histories, on moved clocks and in every order."""
