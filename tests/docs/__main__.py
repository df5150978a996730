"""`python -m tests.docs DIR`: writes the ontology's page of documentation into a folder."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from tests.docs.page import write_page

if __name__ == "__main__":
    # pyLODE logs how it loads its own files, at the level of debugging.
    logging.disable(logging.INFO)
    print(write_page(Path(sys.argv[1])))
