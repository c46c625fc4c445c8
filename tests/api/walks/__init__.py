"""Every operation of the OpenAPI document, walked through by every kind of caller."""
