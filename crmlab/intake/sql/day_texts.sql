-- The distinct texts that stand for days, with the form of each and the day in every order.
CREATE TABLE day_texts AS
WITH found AS (
    SELECT day_part(text) AS text, sum(rows) AS rows
    FROM moment_texts
    GROUP BY 1
),

clean AS (
    SELECT *, stripped(visible(text)) AS t
    FROM found
),

formed AS (
    SELECT
        *,
        CASE
            WHEN $as_number AND is_number(t) THEN 'number'
            WHEN regexp_full_match(t, '\d{8}') AND try(strptime(t, '%Y%m%d')) IS NOT NULL THEN 'ymd'
            WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d') THEN 'ymd'
            WHEN regexp_full_match(t, '\d{4}/\d{1,2}/\d{1,2}|\d{4}\.\d{1,2}\.\d{1,2}') THEN 'ymd'
            WHEN regexp_full_match(t, '\d{1,2}/\d{1,2}/\d{4}') THEN '/'
            WHEN regexp_full_match(t, '\d{1,2}\.\d{1,2}\.\d{4}') THEN '.'
            WHEN regexp_full_match(t, '\d{1,2}-\d{1,2}-\d{4}') THEN '-'
            WHEN regexp_full_match(t, '\d{1,2}/\d{1,2}/\d{2}') THEN '/2'
            WHEN regexp_full_match(t, '\d{1,2}\.\d{1,2}\.\d{2}') THEN '.2'
            WHEN regexp_full_match(t, '\d{1,2}-\d{1,2}-\d{2}') THEN '-2'
            WHEN is_number(t) THEN 'number'
            WHEN regexp_matches(t, '[[:alpha:]]{3}') THEN 'words'
            WHEN t = '' THEN 'empty'
            ELSE 'other'
        END AS form
    FROM clean
),

-- Three fields of every form: numbers in the order of the text; a month's name is its number.
split AS (
    SELECT
        *,
        CASE
            WHEN form = 'ymd' AND strlen(t) = 8 AND regexp_full_match(t, '\d{8}')
                THEN [substr(t, 1, 4), substr(t, 5, 2), substr(t, 7, 2)]
            WHEN form = 'words' THEN string_split_regex(
                stripped(regexp_replace(strip_accents(lower(t)), ',|\.| de | del ', ' ', 'g')),
                '[\s/-]+'
            )
            WHEN form NOT IN ('number', 'empty', 'other') THEN string_split_regex(t, '[-/.]')
        END AS fields
    FROM formed
),

named AS (
    SELECT
        * EXCLUDE (form),
        CASE
            WHEN form != 'words' THEN form
            WHEN len(fields) = 3 AND regexp_full_match(fields[1], '\d{1,2}')
                AND month_number(fields[2]) IS NOT NULL
                AND regexp_full_match(fields[3], '\d{2}|\d{4}') THEN 'd name y'
            WHEN len(fields) = 3 AND month_number(fields[1]) IS NOT NULL
                AND regexp_full_match(fields[2], '\d{1,2}')
                AND regexp_full_match(fields[3], '\d{4}') THEN 'name d y'
            ELSE 'other'
        END AS form,
        TRY_CAST(fields[1] AS INTEGER) AS a,
        TRY_CAST(fields[2] AS INTEGER) AS b,
        TRY_CAST(fields[3] AS INTEGER) AS c
    FROM split
)

SELECT
    text,
    rows,
    t,
    form,
    CASE
        WHEN form = 'ymd' THEN try(make_date(a, b, c))
        WHEN form IN ('/2', '.2', '-2') THEN try(make_date(2000 + a, b, c))
    END AS ymd,
    CASE
        WHEN form = 'd name y' THEN try(make_date(full_year(c), month_number(fields[2]), a))
        WHEN form = 'name d y' THEN try(make_date(c, month_number(fields[1]), b))
        WHEN form IN ('/', '.', '-', '/2', '.2', '-2') THEN try(make_date(full_year(c), b, a))
    END AS dmy,
    CASE
        WHEN form IN ('/', '.', '-', '/2', '.2', '-2') THEN try(make_date(full_year(c), a, b))
    END AS mdy,
    form IN ('/2', '.2', '-2') OR (form = 'd name y' AND c < 100) AS two_digit_year
FROM named
