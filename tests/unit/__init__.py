"""Tests of single parts, without the stack around them."""
