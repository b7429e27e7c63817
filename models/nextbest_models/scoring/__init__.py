"""Scores of all candidates of one request, the same to the last bit as LightGBM's and many times faster.

Every tree is a word with one bit per leaf (QuickScorer: Lucchese et al., SIGIR 2015). `trees` reads the
model, `intervals` lays out what each value of a column does to the words, `kernels` does the work, `scorer`
is the way in.
"""
