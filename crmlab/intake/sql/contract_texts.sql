-- The rows of contracts as a table of its own, with the columns that rows of purchases have.
CREATE TABLE source_rows AS
SELECT
    *
    {more}
FROM contract_texts
