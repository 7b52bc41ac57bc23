-- Rows whose text was once decoded wrongly: UTF-8 read as cp1252.
SELECT
    count(*) AS found,
    min(line) AS line,
    arg_min(concat_ws(', ', {texts}), record) AS text
FROM source_rows
WHERE regexp_matches(concat_ws(', ', {texts}), {pattern})
