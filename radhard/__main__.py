"""What does ``python -m radhard`` do?"""

import sys

from radhard.cli import main

__all__ = []

if __name__ == "__main__":
    sys.exit(main())
