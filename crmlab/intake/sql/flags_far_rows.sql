-- Days that may be of a spend of less than `low` or more than `high`: they have a row of less, or of
-- a share of more.
SELECT DISTINCT {customer} AS customer, date
FROM used
WHERE money < {low} OR money > {high} / {rows_a_day}
