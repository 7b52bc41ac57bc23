-- How the ids of customers are written, counted in rows and, where said, in ids.
SELECT
    CAST(coalesce(sum(rows), 0) AS BIGINT) AS rows,
    count(DISTINCT t) AS ids,
    CAST(coalesce(sum(rows) FILTER (cleaned), 0) AS BIGINT) AS cleaned,
    CAST(coalesce(sum(rows) FILTER (regexp_full_match(t, '\d+\.0+')), 0) AS BIGINT) AS floats,
    CAST(coalesce(sum(rows) FILTER (regexp_full_match(t, '[+-]?\d+[.,]\d+')
        AND NOT regexp_full_match(t, '\d+\.0+')), 0) AS BIGINT) AS fractions,
    min(t) FILTER (regexp_full_match(t, '\d+\.0+')) AS float_example,
    min(t) FILTER (NOT regexp_full_match(t, '\d+\.0+')) AS other_example,
    CAST(coalesce(sum(rows) FILTER (regexp_full_match(t, '\d([.,]\d+)?[eE]\+\d+')), 0) AS BIGINT)
        AS powers,
    min(t) FILTER (regexp_full_match(t, '\d([.,]\d+)?[eE]\+\d+')) AS power_example,
    count(DISTINCT t) FILTER (regexp_full_match(t, '[^@\s]+@[^@\s]+\.[^@\s]+')) AS emails,
    count(DISTINCT t) FILTER (regexp_full_match(upper(t), '\d{8}-?[A-Z]|[XYZ]-?\d{7}-?[A-Z]'))
        AS national_ids,
    count(DISTINCT t) FILTER (regexp_full_match(
        regexp_replace(t, '[ ().-]', '', 'g'), '(\+|00)\d{9,15}|(34)?[67]\d{8}'
    )) AS phones
FROM id_texts
WHERE reason IS NULL
