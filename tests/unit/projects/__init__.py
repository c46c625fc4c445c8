"""Parts of the projects room by themselves."""
