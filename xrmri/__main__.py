"""`python -m xrmri`, so that `accelerate-launch -m xrmri train-ldm ...` works."""

from xrmri.cli.main import main

main()
