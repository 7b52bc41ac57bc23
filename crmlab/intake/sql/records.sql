-- Every row of the source, in its types; what cannot be read is NULL.
CREATE TABLE records AS
WITH trimmed AS (
    SELECT
        record,
        trim(customer_id, $blanks) AS customer_id,
        trim(date, $blanks) AS date,
        trim(amount, $blanks) AS amount
    FROM source_rows
),

converted AS (
    SELECT
        record,
        nullif(customer_id, '') AS customer_id,
        CASE
            WHEN regexp_full_match(
                date,
                '\d{4}-\d{2}-\d{2}([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?)?'
            ) THEN TRY_CAST(substr(date, 1, 10) AS DATE)
            WHEN regexp_full_match(date, '\d{8}') THEN TRY_CAST(
                substr(date, 1, 4) || '-' || substr(date, 5, 2) || '-' || substr(date, 7, 2)
                AS DATE
            )
        END AS date,
        CASE
            WHEN regexp_full_match(amount, '[+-]?\d+(\.\d+)?')
                THEN TRY_CAST(amount AS DECIMAL(18, 4))
        END AS amount
    FROM trimmed
)

SELECT
    record,
    customer_id,
    CASE WHEN year(date) BETWEEN 1900 AND 2200 THEN date END AS date,
    amount
FROM converted
