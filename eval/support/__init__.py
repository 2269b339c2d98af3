"""How many true and false statements the support check passes; `python -m eval.support DATA`."""
