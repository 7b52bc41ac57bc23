-- The lines that do not fit, the first one first. A line may have several faults.
SELECT
    line_byte_position AS position,
    arg_min(error_type, column_idx) AS fault,
    any_value(csv_line) AS line
FROM reject_errors
GROUP BY line_byte_position
ORDER BY line_byte_position
