-- Everything that was ever read, and what became of it: counted apart.
SELECT
    (SELECT coalesce(sum(records), 0) FROM base.loads WHERE kind = 'rows') AS read,
    (SELECT count(*) FROM base.rows WHERE known_until IS NULL) AS live,
    (SELECT count(*) FROM base.rows WHERE known_until IS NOT NULL) AS superseded,
    (SELECT coalesce(sum(known), 0) FROM base.loads WHERE kind = 'rows') AS known,
    (SELECT coalesce(sum(erased), 0) FROM base.loads WHERE kind = 'rows') AS refused,
    (SELECT coalesce(sum(live + ended), 0) FROM base.erasures) AS destroyed
