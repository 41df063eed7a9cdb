"""Trains and compares orientation modules on features that a frozen trunk computed once."""
