-- Times of day: how many rows tell one, and how many tell how far it is ahead of UTC.
SELECT
    count(*) AS texts,
    CAST(coalesce(sum(rows) FILTER (seconds IS NOT NULL), 0) AS BIGINT) AS rows,
    CAST(coalesce(sum(rows) FILTER (seconds = 0), 0) AS BIGINT) AS midnights,
    CAST(coalesce(sum(rows) FILTER (ahead IS NOT NULL), 0) AS BIGINT) AS instants,
    min(stripped(text)) FILTER (ahead IS NOT NULL) AS example
FROM time_texts
