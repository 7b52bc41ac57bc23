"""Tables in; words, figures and documents out. Knows no model and no engine."""
