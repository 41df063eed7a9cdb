"""Comparison with numbers that the authors' release computed; see `reference_report.py`."""
