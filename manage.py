#!/usr/bin/env python
"""Django's command line for Latchkey."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from project.connections import explain


def main() -> None:
    """Run the command; a wrong setting or a missing database ends it with one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, OperationalError) as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(explain(error) if isinstance(error, OperationalError) else str(error))


if __name__ == "__main__":
    main()
