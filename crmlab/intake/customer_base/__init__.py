"""The customer base: a store that takes every day's purchases and forgets nothing but people."""
