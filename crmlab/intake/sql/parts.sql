-- What rows bring to a customer's day: a purchase to its own, a return to those it takes from.
-- `seen` is the day on which that became known; `sale` the record of the purchase, where a return
-- of a known product says so.
SELECT
    record,
    customer_id,
    customer,
    date,
    date AS seen,
    amount AS money,
    1 AS rows,
    record AS sale
FROM records
ANTI JOIN set_aside ON records.record = set_aside.record
WHERE reason IS NULL AND amount >= 0
UNION ALL
SELECT
    record,
    customer_id,
    hash(customer_id) AS customer,
    sold AS date,
    seen,
    money,
    rows,
    sale
FROM returned
