-- A delimited UTF-8 file as text, its columns named c0, c1, ... by position; strictly, so that
-- whatever does not fit is an error and not a value.
CREATE TABLE source_texts AS
SELECT
    {texts}
FROM read_csv(
    $path,
    columns = {columns},
    auto_detect = false,
    compression = 'none',
    quote = '"',
    escape = '"',
    header = false,
    strict_mode = true,
    {options}
)
