-- That what a person did, or what is told of one, was known when it came again; how often is in the
-- loads.
DELETE FROM base.known
USING base.{table} AS theirs
WHERE
    known.of_load = theirs.load
    AND known.of_record = theirs.record
    AND theirs.customer_id = $customer_id
