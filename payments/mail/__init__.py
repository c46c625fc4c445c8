"""Mail to people: rows in an outbox, sent by the worker over SMTP, printed in development."""
