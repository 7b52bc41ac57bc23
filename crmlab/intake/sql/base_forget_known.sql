-- That rows of a person were known when they came again; how many there were is in the loads.
DELETE FROM base.known
USING base.rows AS rows
WHERE
    known.of_load = rows.load
    AND known.of_record = rows.record
    AND rows.customer_id = $customer_id
