"""What people do about their own accounts: addresses, lost passwords, second factors."""
