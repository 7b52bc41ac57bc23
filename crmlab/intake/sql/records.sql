-- Every record of the source in its types; what cannot be read is NULL and has a reason.
-- Most text is plain, so that only what is not is looked up. `customer` is a hash of the id.
CREATE TABLE records AS
WITH joined AS (
    SELECT
        source_rows.record,
        CASE WHEN ids.text IS NULL THEN source_rows.customer_id ELSE ids.customer_id END
            AS customer_id,
        ids.reason AS id_reason,
        {date} AS date,
        {day_reason} AS day_reason,
        {seconds} AS seconds,
        {amount_reason} AS amount_reason
        {others}
    FROM source_rows
    LEFT JOIN ids ON source_rows.customer_id = ids.text
    {joins}
),

priced AS (
    SELECT *, {amount} AS amount
    FROM joined
)

SELECT
    record,
    customer_id,
    hash(customer_id) AS customer,
    date,
    seconds,
    amount,
    CASE
        WHEN id_reason = 'control_char' OR amount_reason = 'control_char' THEN 'control_char'
        WHEN customer_id IS NULL THEN coalesce(id_reason, 'no_customer')
        WHEN date IS NULL THEN coalesce(day_reason, 'date_unreadable')
        WHEN amount IS NULL THEN coalesce(amount_reason, 'amount_unreadable')
    END AS reason
    {names}
FROM priced
UNION ALL BY NAME
SELECT
    record,
    reason
FROM source_faults
