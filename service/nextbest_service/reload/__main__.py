"""`python -m nextbest_service.reload` proves one snapshot; the question comes over standard input."""

from nextbest_service.reload.proving import answer

answer()
