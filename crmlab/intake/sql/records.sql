-- Every record of the source in its types; what cannot be read is NULL and has a reason.
CREATE TABLE records AS
WITH joined AS (
    SELECT
        source_rows.record,
        ids.customer_id,
        ids.reason AS id_reason,
        {day} AS date,
        {seconds} AS seconds,
        {amount} AS amount,
        {amount_reason} AS amount_reason
        {others}
    FROM source_rows
    LEFT JOIN ids ON source_rows.customer_id = ids.text
    LEFT JOIN days ON day_part(source_rows.date) = days.text
    {joins}
)

SELECT
    record,
    customer_id,
    CASE WHEN year(date) BETWEEN $first_year AND 2200 THEN date END AS date,
    seconds,
    amount,
    CASE
        WHEN id_reason = 'control_char' OR amount_reason = 'control_char' THEN 'control_char'
        WHEN customer_id IS NULL THEN coalesce(id_reason, 'no_customer')
        WHEN date IS NULL THEN 'date_unreadable'
        WHEN year(date) NOT BETWEEN $first_year AND 2200 THEN 'date_out_of_range'
        WHEN amount IS NULL THEN coalesce(amount_reason, 'amount_unreadable')
    END AS reason
    {names}
FROM joined
UNION ALL BY NAME
SELECT
    record,
    reason
FROM source_faults
