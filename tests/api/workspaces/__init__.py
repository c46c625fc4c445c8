"""The workspaces room through its API."""
