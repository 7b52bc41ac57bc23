-- Customers of whom two things are said of one day.
WITH doubles AS (
    SELECT
        customer_id,
        valid_from,
        min(record) AS record,
        if(count(line) = 0, 'records ', 'lines ')
        || string_agg(CAST(coalesce(line, record) AS VARCHAR), ', ' ORDER BY record) AS places
    FROM attribute_rows
    WHERE reason IS NULL AND NOT repeated
    GROUP BY customer_id, valid_from
    HAVING count(*) > 1
)

SELECT
    count(*) AS rows,
    arg_min(customer_id, record) AS first,
    CAST(arg_min(valid_from, record) AS DATE) AS day,
    arg_min(places, record) AS places
FROM doubles
