"""Customer bases of any size: the engine summarises, groups and joins; models see patterns."""
