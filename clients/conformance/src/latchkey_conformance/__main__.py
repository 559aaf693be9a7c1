"""`python -m latchkey_conformance` is the command `latchkey-conformance`."""

import sys

from latchkey_conformance.program import main

sys.exit(main())
