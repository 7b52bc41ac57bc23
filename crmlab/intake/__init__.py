"""From raw purchases to a log, its account, and one row per customer. Knows no model."""
