-- Rows that may say the same as another: only a day of a customer with several rows, or rows
-- without a customer, can hold any.
CREATE VIEW candidates AS
SELECT *
FROM records
SEMI JOIN repeated_days ON {key} = repeated_days.key
WHERE reason IS NULL
UNION ALL
SELECT *
FROM records
WHERE reason IN ('no_customer', 'placeholder_id')
