-- The different texts of a column of dates, and in how many rows each stands.
CREATE TABLE moment_texts AS
SELECT date AS text, count(*) AS rows
FROM source_rows
WHERE date IS NOT NULL
GROUP BY 1
