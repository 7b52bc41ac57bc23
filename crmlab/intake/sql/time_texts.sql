-- The distinct texts that stand for times of day: seconds, and those ahead of UTC if told.
CREATE TABLE time_texts AS
WITH found AS (
    SELECT time_part(text) AS text, sum(rows) AS rows
    FROM moment_texts
    WHERE time_part(text) IS NOT NULL
    GROUP BY 1
),

split AS (
    SELECT
        text,
        rows,
        regexp_extract(
            upper(stripped(visible(text))),
            '^T?(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?(?: ?([AP])\.? ?M\.?)?(?: ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?$',
            ['hour', 'minute', 'second', 'half', 'zone']
        ) AS part
    FROM found
),

numbers AS (
    SELECT
        text,
        rows,
        part,
        TRY_CAST(part.hour AS INTEGER) AS hour,
        TRY_CAST(part.minute AS INTEGER) AS minute,
        coalesce(TRY_CAST(part.second AS INTEGER), 0) AS second,
        replace(part.zone, ':', '') AS zone
    FROM split
)

SELECT
    text,
    rows,
    CASE
        WHEN minute > 59 OR second > 59 THEN NULL
        WHEN part.half = '' AND hour < 24 THEN hour * 3600 + minute * 60 + second
        WHEN part.half != '' AND hour BETWEEN 1 AND 12
            THEN (hour % 12 + CASE part.half WHEN 'P' THEN 12 ELSE 0 END) * 3600
                + minute * 60 + second
    END AS seconds,
    CASE
        WHEN zone IN ('Z', 'UTC', 'GMT') THEN 0
        WHEN zone != '' THEN CAST(left(zone, 1) || '1' AS INTEGER) * (
            CAST(substr(zone, 2, 2) AS INTEGER) * 3600
            + coalesce(TRY_CAST(substr(zone, 4, 2) AS INTEGER), 0) * 60
        )
    END AS ahead
FROM numbers
