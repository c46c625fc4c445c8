"""Workspaces pay the platform: members, cards, plans, charges and refunds."""
