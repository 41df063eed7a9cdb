"""The command `whmr`; importing it imports neither torch nor any other part of the package."""

from whmr.cli.dispatch import main

__all__ = ['main']
