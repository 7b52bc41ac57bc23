-- The distinct texts of a column of numbers, with the value of each in either way of writing.
CREATE TABLE {role}_texts AS
WITH found AS (
    SELECT {role} AS text, count(*) AS rows
    FROM source_rows
    WHERE {role} IS NOT NULL
    GROUP BY 1
),

clean AS (
    SELECT *, replace(stripped(visible(text)), '−', '-') AS t
    FROM found
),

-- The sign of a currency stands first or last, beside a minus or a bracket.
priced AS (
    SELECT
        *,
        regexp_extract(t, '^[-+(]?[\s\pZ]*(US\$|[$€£¥]|[A-Z][A-Z][A-Z])', 1) AS before,
        regexp_extract(t, '(US\$|[$€£¥]|[A-Z][A-Z][A-Z])[\s\pZ]*[-)]?$', 1) AS after
    FROM clean
),

bare AS (
    SELECT
        *,
        stripped(
            CASE
                WHEN before != ''
                    THEN regexp_replace(
                        t, '^([-+(]?)[\s\pZ]*(?:US\$|[$€£¥]|[A-Z][A-Z][A-Z])[\s\pZ]*', '\1'
                    )
                WHEN after != ''
                    THEN regexp_replace(
                        t, '[\s\pZ]*(?:US\$|[$€£¥]|[A-Z][A-Z][A-Z])[\s\pZ]*([-)]?)$', '\1'
                    )
                ELSE t
            END
        ) AS number
    FROM priced
),

signed AS (
    SELECT
        text,
        rows,
        t,
        CASE
            WHEN before || after = '' THEN NULL
            WHEN before || after IN ('$', 'US$', 'USD') THEN 'USD'
            WHEN before || after IN ('€', 'EUR') THEN 'EUR'
            WHEN before || after IN ('£', 'GBP') THEN 'GBP'
            WHEN before || after IN ('¥', 'JPY') THEN 'JPY'
            ELSE before || after
        END AS currency,
        regexp_full_match(number, '-.*|.*-|\(.*\)') AS negative,
        stripped(
            CASE
                WHEN regexp_full_match(number, '\([^()+-]*\)') THEN number[2:-2]
                WHEN regexp_full_match(number, '[+-][^()+-]*') THEN number[2:]
                WHEN regexp_full_match(number, '[^()+-]*-') THEN number[:-2]
                ELSE number
            END
        ) AS body
    FROM bare
),

valued AS (
    SELECT *, with_point(body) AS point, with_comma(body) AS comma
    FROM signed
),

exact AS (
    SELECT
        *,
        CASE WHEN negative THEN -1 ELSE 1 END * TRY_CAST(point AS DECIMAL(37, 12)) AS as_point,
        CASE WHEN negative THEN -1 ELSE 1 END * TRY_CAST(comma AS DECIMAL(37, 12)) AS as_comma
    FROM valued
)

SELECT
    text,
    rows,
    t,
    currency,
    as_point,
    as_comma,
    t != CASE WHEN negative THEN '-' || body ELSE body END OR text LIKE '%−%' AS signs,
    regexp_full_match(body, '.*[^0-9].*[^0-9].*|\d+[^0-9.,]\d+') AS grouped,
    regexp_full_match(t, '(?i)[+-]?(inf|infinity|∞|\d+([.,]\d+)?e\+?\d\d\d+)') AS not_finite,
    has_control(t) AS control
FROM exact
