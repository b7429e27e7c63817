"""The options of `nextbest serve`, each with its NEXTBEST_* variable, by what they are about."""
