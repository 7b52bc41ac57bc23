-- Lines of totals: a word for it in the place of the customer or the day, and the sum of the rows
-- before it, or of those since the last such line.
CREATE TABLE totals AS
WITH candidates AS (
    SELECT record
    FROM source_rows
    WHERE EXISTS (FROM total_texts)
        AND (customer_id IN (FROM total_texts) OR date IN (FROM total_texts))
),

running AS (
    SELECT
        records.record,
        records.amount,
        candidates.record IS NOT NULL AS candidate,
        coalesce(sum(CASE WHEN candidates.record IS NULL THEN records.amount END) OVER so_far, 0)
            AS so_far
    FROM records
    LEFT JOIN candidates ON records.record = candidates.record
    WHERE EXISTS (SELECT 1 FROM candidates)
    WINDOW so_far AS (ORDER BY records.record)
)

SELECT record
FROM running
WHERE candidate
QUALIFY amount = so_far OR amount = so_far - coalesce(lag(so_far) OVER (ORDER BY record), 0)
