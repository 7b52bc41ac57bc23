-- In PostgreSQL, identifiers that a floating-point column cannot hold: of 2^53 or more, or with a
-- fraction.
SELECT
    count(*),
    min({x})
FROM ({rows}) AS ids
WHERE {x} NOT IN ('NaN', 'Infinity', '-Infinity')
    AND (abs({x}) >= 9007199254740992 OR {x} <> trunc({x}))
