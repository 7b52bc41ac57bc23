-- A table whose columns have types of their own (Parquet, a DataFrame, a database), as text.
-- (memory.main is our own: names are looked for in an attached file first.)
CREATE TABLE memory.main.source_texts AS
SELECT
    {roles}
FROM {relation}
