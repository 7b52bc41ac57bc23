-- The texts of a column of dates row by row, where they are too many to keep each once.
CREATE VIEW moment_texts AS
SELECT date AS text, 1 AS rows
FROM source_rows
WHERE date IS NOT NULL
