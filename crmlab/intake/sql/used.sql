-- What rows bring to occasions: all but the days on which nothing was bought after all.
SELECT parts.*
FROM parts
ANTI JOIN empty_days ON parts.{customer} = empty_days.{customer} AND parts.date = empty_days.date
WHERE parts.date >= {start} AND seen <= {observation_end}
