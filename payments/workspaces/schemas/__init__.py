"""The shapes of the workspaces dialect: camelCase, integer ids, major units."""
