"""`python -m nextbest_service` is the `nextbest` command."""

from nextbest_service.cli.app import main

main()
