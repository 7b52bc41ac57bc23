"""The mathematics: NumPy and SciPy only. Knows no table, no file, no customer id."""
