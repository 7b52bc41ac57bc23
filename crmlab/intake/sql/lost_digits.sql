-- Identifiers that a floating-point column cannot hold: of 2^53 or more, or with a fraction.
SELECT count(*) AS lost, min({customer_id}) AS first
FROM {relation}
WHERE isfinite({customer_id}) AND (abs({customer_id}) >= 9007199254740992 OR {customer_id} != trunc({customer_id}))
