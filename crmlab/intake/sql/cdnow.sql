-- The CDNOW files of lifetimes: fields parted by runs of spaces; the full one has a header.
-- First field: customer (in the sample, the id of the full file); last three: day, CDs, dollars.
CREATE TABLE source_texts AS
WITH file AS (
    SELECT string_split(content, chr(10)) AS lines
    FROM read_text($path)
),

split AS (
    SELECT
        generate_subscripts(lines, 1) AS position,
        string_split_regex(trim(unnest(lines), E' \t\r'), '\s+') AS fields
    FROM file
)

SELECT
    row_number() OVER (ORDER BY position) AS record,
    position AS line,
    fields[1] AS customer_id,
    fields[-3] AS date,
    fields[-1] AS amount
FROM split
WHERE fields[1] NOT IN ('', 'customer_id')
ORDER BY position
