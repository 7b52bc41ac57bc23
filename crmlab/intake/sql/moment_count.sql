-- How many different texts there may be for a date, from those of the first rows.
SELECT
    approx_count_distinct(date) / greatest(count(*), 1) * (SELECT count(*) FROM source_rows)
        AS texts
FROM (SELECT date FROM source_rows LIMIT $sample)
