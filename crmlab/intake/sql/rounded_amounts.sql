-- Amounts with more decimals than are carried, and what rounding them moved.
SELECT
    CAST(coalesce(sum(texts.rows), 0) AS BIGINT) AS rows,
    coalesce(sum(texts.rows * (amount_values.exact - amount_values.value)), 0) AS money
FROM amount_values
JOIN amount_texts AS texts ON amount_values.text = texts.text
WHERE amount_values.exact != amount_values.value
