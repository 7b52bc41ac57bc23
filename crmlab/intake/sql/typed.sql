-- A table whose columns have types of their own (Parquet, a DataFrame), as text.
CREATE TABLE source_rows AS
SELECT
    row_number() OVER () AS record,
    {customer_id} AS customer_id,
    {date} AS date,
    {amount} AS amount
FROM {relation}
