-- The records that could not be split into the header's fields.
INSERT INTO source_faults
SELECT
    record,
    line,
    'field_count' AS reason,
    text
FROM read_csv(
    $path,
    columns = {'record': 'BIGINT', 'line': 'BIGINT', 'text': 'VARCHAR'},
    auto_detect = false,
    compression = 'none',
    quote = '"',
    escape = '"',
    header = false,
    strict_mode = true,
    new_line = '\n',
    max_line_size = {most}
)
