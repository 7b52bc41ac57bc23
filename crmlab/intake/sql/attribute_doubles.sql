-- Customers of whom two things are said of one day.
WITH doubles AS (
    SELECT
        customer_id,
        min(record) AS record,
        string_agg(CAST(line AS VARCHAR), ', ' ORDER BY record) AS lines
    FROM attribute_rows
    WHERE reason IS NULL AND NOT repeated
    GROUP BY customer_id, valid_from
    HAVING count(*) > 1
)

SELECT
    count(*) AS rows,
    arg_min(customer_id, record) AS first,
    arg_min(lines, record) AS lines
FROM doubles
