-- That what is told of a person was known when it came again; how many there were is in the loads.
DELETE FROM base.known
USING base.attributes AS attributes
WHERE
    known.of_load = attributes.load
    AND known.of_record = attributes.record
    AND attributes.customer_id = $customer_id
