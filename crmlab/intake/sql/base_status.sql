-- What a base held on a day; who is kept out, and who was erased, is as it is now.
WITH loads AS (
    SELECT *
    FROM ({loads})
    WHERE loaded_on <= $as_of
),

attributes AS (
    SELECT *
    FROM ({attributes})
    WHERE known_from <= $as_of AND (known_until IS NULL OR known_until > $as_of)
)

SELECT
    (SELECT count(*) FROM loads WHERE kind = 'rows') AS loads,
    (SELECT count(*) FROM loads WHERE kind = 'attributes') AS attribute_loads,
    (SELECT count(*) FROM base.withdrawals WHERE withdrawn_on <= $as_of) AS withdrawn_loads,
    (SELECT max(loaded_on) FROM loads) AS last_loaded_on,
    (SELECT count(*) FROM attributes) AS attributes,
    (SELECT count(*) FROM base.objections WHERE withdrawn IS NULL) AS objections,
    (SELECT count(*) FROM base.blocks) AS blocked,
    (SELECT count(*) FROM base.erasures) AS erased
