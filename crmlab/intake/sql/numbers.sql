-- What each text for a number means with the decimal sign that holds for this source.
CREATE TABLE {role}_values AS
SELECT
    text,
    CASE $decimal WHEN 'comma' THEN as_comma ELSE as_point END AS exact,
    TRY_CAST(exact AS DECIMAL({digits})) AS value,
    CASE WHEN control THEN 'control_char' WHEN not_finite THEN 'amount_not_finite' END AS reason,
    -- The engine would read it so by itself.
    value IS NOT NULL AND exact = as_point AND regexp_full_match(text, '-?\d+(\.\d+)?') AS plain
FROM {role}_texts
