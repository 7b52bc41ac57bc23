-- The original text of every record; of one that could not be split, the whole line as text.
SELECT
    coalesce(contract_texts.record, source_faults.record) AS record,
    coalesce(contract_texts.line, source_faults.line) AS line,
    source_faults.text,
    contract_texts.* EXCLUDE (record, line)
FROM contract_texts
FULL JOIN source_faults ON contract_texts.record = source_faults.record
ORDER BY 1
