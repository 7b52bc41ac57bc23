-- What a base holds now.
SELECT
    (SELECT count(*) FROM base.loads WHERE kind = 'rows') AS loads,
    (SELECT count(*) FROM base.loads WHERE kind = 'attributes') AS attribute_loads,
    (SELECT max(loaded_on) FROM base.loads) AS last_loaded_on,
    (SELECT count(*) FROM base.attributes WHERE known_until IS NULL) AS attributes,
    (SELECT count(*) FROM base.objections WHERE withdrawn IS NULL) AS objections,
    (SELECT count(*) FROM base.blocks) AS blocked,
    (SELECT count(*) FROM base.erasures) AS erased
