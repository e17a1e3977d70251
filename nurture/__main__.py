"""`python -m nurture`: the command line, for where the `nurture` script is not on the path."""

from nurture.cli import main

main()
