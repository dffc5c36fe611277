"""`python -m uni_api` is `uni-api`."""

from uni_api.cli import main

main()
