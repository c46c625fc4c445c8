"""Rules of the workspaces room without the way there."""
