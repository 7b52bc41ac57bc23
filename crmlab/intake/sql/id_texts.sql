-- The distinct texts that stand for customers, and what is left of each when it is cleaned.
CREATE TABLE id_texts AS
WITH found AS (
    SELECT customer_id AS text, count(*) AS rows
    FROM source_rows
    WHERE customer_id IS NOT NULL
    GROUP BY 1
),

clean AS (
    SELECT
        *,
        CASE WHEN simple THEN text ELSE nfc_normalize(stripped(visible(text))) END AS t,
        CASE WHEN simple THEN lower(text) ELSE plain_words(text) END AS words
    FROM (
        SELECT *, regexp_full_match(text, '[!-~]+') AS simple
        FROM found
    )
)

SELECT
    text,
    rows,
    CASE WHEN $fold_case THEN lower(t) ELSE t END AS t,
    t != text AS cleaned,
    CASE
        WHEN has_control(t) THEN 'control_char'
        WHEN t = '' THEN 'no_customer'
        WHEN list_contains(list_transform($keep_ids, lambda name: plain_words(name)), words) THEN NULL
        WHEN list_contains($totals, words) THEN 'placeholder_id'
        WHEN list_contains(list_transform($placeholders, lambda name: plain_words(name)), words) OR regexp_full_match(words, '[+-]?0+([.,]0+)?')
            THEN 'placeholder_id'
    END AS reason,
    list_contains($totals, words) AS total
FROM clean
