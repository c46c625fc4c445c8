"""The shapes of the projects dialect: snake_case, UUIDs, amounts in cents."""
