"""`python -m latchkey_client` is the command `latchkey`."""

import sys

from latchkey_client.cli import main

sys.exit(main())
