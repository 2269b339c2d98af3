"""The command; see `eval.support.measure`."""

from eval.support.measure import main

main()
