"""What happens when more is asked than can be answered: who waits, who is refused, and who goes first."""
