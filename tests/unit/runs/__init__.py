"""Units of the reconciliation's runs."""
