-- How the numbers of a column are written: rows that only one decimal sign can explain.
SELECT
    CAST(coalesce(sum(rows) FILTER (as_comma IS NULL AND as_point IS NOT NULL), 0) AS BIGINT)
        AS only_point,
    CAST(coalesce(sum(rows) FILTER (as_point IS NULL AND as_comma IS NOT NULL), 0) AS BIGINT)
        AS only_comma,
    CAST(coalesce(sum(rows) FILTER (as_point != as_comma), 0) AS BIGINT) AS either,
    min(t) FILTER (as_comma IS NULL AND as_point IS NOT NULL) AS point_example,
    min(t) FILTER (as_point IS NULL AND as_comma IS NOT NULL) AS comma_example,
    min(t) FILTER (as_point != as_comma) AS either_example,
    CAST(coalesce(sum(rows) FILTER (signs AND coalesce(as_point, as_comma) IS NOT NULL), 0) AS BIGINT)
        AS signs,
    CAST(coalesce(sum(rows) FILTER (grouped AND coalesce(as_point, as_comma) IS NOT NULL), 0) AS BIGINT)
        AS grouped,
    list_sort(list_distinct(list(currency) FILTER (coalesce(as_point, as_comma) IS NOT NULL)))
        AS currencies
FROM {role}_texts
