-- What a new base says of itself.
INSERT INTO base.about BY NAME
SELECT
    $format AS format,
    $secret AS secret,
    $key_name AS key_name,
    $key_file AS key_file,
    $plain_ids AS plain_ids,
    false AS fold_case,
    false AS rewrite
