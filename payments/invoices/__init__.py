"""Invoices: gap-free numbers, states, and the PDF that goes with them."""
