-- The currencies that the rows name.
SELECT DISTINCT upper(stripped(visible(currency))) AS currency
FROM (
    SELECT DISTINCT currency
    FROM source_rows
)
WHERE stripped(visible(currency)) != ''
ORDER BY currency
