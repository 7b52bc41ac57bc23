-- The texts that stand for customers. The usual ones, which are ids just as they stand, are counted
-- together in a row without text; each of the others has one, with what is left of it when cleaned.
CREATE TABLE id_texts AS
WITH nobody AS (
    SELECT word, bool_or(kept) AS kept, bool_or(total) AS total
    FROM (
        SELECT plain_words(unnest($keep_ids)) AS word, true AS kept, false AS total
        UNION ALL
        SELECT unnest($totals) AS word, false AS kept, true AS total
        UNION ALL
        SELECT plain_words(unnest($placeholders)) AS word, false AS kept, false AS total
    )
    GROUP BY word
),

found AS (
    SELECT customer_id AS text, count(*) AS rows
    FROM source_rows
    WHERE customer_id IS NOT NULL
    GROUP BY 1
),

sorted AS MATERIALIZED (
    SELECT *, plain AND NOT $each AND lower(text) NOT IN (SELECT word FROM nobody) AS usual
    FROM (
        -- Neither zeros nor any of the forms that id_forms looks for.
        SELECT *, regexp_full_match(text, '[A-Wa-w][0-9A-Za-z]*|[1-9][0-9]{0,7}') AS plain
        FROM found
    )
),

clean AS (
    SELECT
        *,
        CASE WHEN simple THEN text ELSE nfc_normalize(stripped(visible(text))) END AS t,
        CASE WHEN simple THEN lower(text) ELSE plain_words(text) END AS words
    FROM (
        SELECT *, CASE WHEN plain THEN true ELSE regexp_full_match(text, '[!-~]+') END AS simple
        FROM sorted
        WHERE NOT usual
    )
)

SELECT
    NULL AS text,
    CAST(sum(rows) AS BIGINT) AS rows,
    count(*) AS ids,
    min(text) AS t,
    false AS cleaned,
    true AS plain,
    NULL AS reason,
    false AS total
FROM sorted
WHERE usual
HAVING count(*) > 0
UNION ALL
SELECT
    text,
    rows,
    1 AS ids,
    CASE WHEN $fold_case THEN lower(t) ELSE t END AS t,
    t != text AS cleaned,
    plain,
    CASE
        WHEN NOT simple AND has_control(t) THEN 'control_char'
        WHEN t = '' THEN 'no_customer'
        WHEN nobody.kept THEN NULL
        WHEN nobody.word IS NOT NULL THEN 'placeholder_id'
        WHEN NOT plain AND regexp_full_match(words, '[+-]?0+([.,]0+)?')
            THEN 'placeholder_id'
    END AS reason,
    coalesce(nobody.total, false) AS total
FROM clean
LEFT JOIN nobody ON clean.words = nobody.word
