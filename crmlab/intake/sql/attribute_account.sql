-- What becomes of each row.
SELECT
    coalesce(reason, CASE WHEN repeated THEN 'repeated' ELSE 'used' END) AS reason,
    count(*) AS rows
FROM attribute_rows
GROUP BY ALL
