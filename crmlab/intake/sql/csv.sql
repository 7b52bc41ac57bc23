-- A comma-separated UTF-8 file as text, its columns named c0, c1, ... by position.
-- A line that does not fit the header goes to reject_errors, where files.py looks for it.
CREATE TABLE source_rows AS
SELECT
    row_number() OVER () AS record,
    {customer_id} AS customer_id,
    {date} AS date,
    {amount} AS amount
FROM read_csv(
    $path,
    columns = {columns},
    auto_detect = false,
    compression = 'none',
    delim = ',',
    quote = '"',
    escape = '"',
    header = true,
    skip = {skip},
    strict_mode = true,
    store_rejects = true
)
