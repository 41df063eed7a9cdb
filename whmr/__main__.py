"""`python -m whmr` is `whmr`."""

import sys

from whmr.cli import main

if __name__ == '__main__':
    sys.exit(main())
