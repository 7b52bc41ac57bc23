-- The rows of a small table of rates, as they were written and as numbers.
SELECT
    coalesce('line ' || source_rows.line, 'record ' || source_rows.record) AS place,
    {keys},
    source_rows.{value} AS text,
    CAST({value}_values.value AS DOUBLE) AS value
FROM source_rows
LEFT JOIN {value}_values ON source_rows.{value} = {value}_values.text
ORDER BY source_rows.record
