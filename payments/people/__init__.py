"""What is stored about a person, shown to them or taken away: GDPR articles 15, 17 and 20."""
