-- Rows of people who were erased: those that were destroyed and those that came again.
SELECT
    CAST(
        (SELECT coalesce(sum(live), 0) FROM base.erasures)
        + (SELECT coalesce(sum(erased), 0) FROM base.loads WHERE loaded_on <= $as_of)
        AS BIGINT
    ) AS erased
