-- How the ids of customers are written, counted in rows and, where said, in ids. Plain ones are of
-- none of the forms that are looked for.
WITH formed AS (
    SELECT
        *,
        CASE WHEN plain THEN false ELSE regexp_full_match(t, '\d+\.0+') END AS float
    FROM id_texts
    WHERE reason IS NULL
),

special AS (
    SELECT
        *,
        regexp_full_match(t, '[+-]?\d+[.,]\d+') AND NOT float AS fraction,
        regexp_full_match(t, '\d([.,]\d+)?[eE]\+\d+') AS power,
        regexp_full_match(t, '[^@\s]+@[^@\s]+\.[^@\s]+') AS email,
        regexp_full_match(upper(t), '\d{8}-?[A-Z]|[XYZ]-?\d{7}-?[A-Z]') AS national_id,
        regexp_full_match(
            regexp_replace(t, '[ ().-]', '', 'g'), '(\+|00)\d{9,15}|(34)?[67]\d{8}'
        ) AS phone
    FROM formed
    WHERE NOT plain
)

SELECT *
FROM (
    SELECT
        CAST(coalesce(sum(rows), 0) AS BIGINT) AS rows,
        CAST(coalesce(sum(rows) FILTER (cleaned), 0) AS BIGINT) AS cleaned,
        CAST(coalesce(sum(rows) FILTER (float), 0) AS BIGINT) AS floats,
        min(t) FILTER (float) AS float_example,
        min(t) FILTER (NOT float) AS other_example
    FROM formed
)
CROSS JOIN (
    SELECT
        CAST(coalesce(sum(rows) FILTER (fraction), 0) AS BIGINT) AS fractions,
        CAST(coalesce(sum(rows) FILTER (power), 0) AS BIGINT) AS powers,
        min(t) FILTER (power) AS power_example,
        count(DISTINCT t) FILTER (email) AS emails,
        count(DISTINCT t) FILTER (national_id) AS national_ids,
        count(DISTINCT t) FILTER (phone) AS phones
    FROM special
)
