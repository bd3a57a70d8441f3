"""Where the bundle begins: the `keyround` command."""

import sys

from keyround.cli import main

sys.exit(main())
