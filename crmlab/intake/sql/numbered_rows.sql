-- Rows in the order in which they were read; their place in the table is their number.
CREATE VIEW memory.main.source_rows AS
SELECT
    rowid + 1 AS record,
    {line} AS line,
    *
FROM memory.main.source_texts
