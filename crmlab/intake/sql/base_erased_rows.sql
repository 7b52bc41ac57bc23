-- Rows of people who were erased: those that were destroyed and those that came again.
SELECT
    CAST(
        (
            SELECT coalesce(sum(rows), 0)
            FROM base.destroyed
            WHERE
                known_from <= $as_of
                AND (known_until IS NULL OR known_until > $as_of)
                AND (again_from IS NULL OR again_from <= $as_of)
                AND (until IS NULL OR until > $as_of)
        )
        + (
            SELECT coalesce(sum(erased), 0)
            FROM ({loads}) AS loads
            WHERE kind = 'rows' AND loaded_on <= $as_of
        )
        AS BIGINT
    ) AS erased
