-- One line in the list of loads.
INSERT INTO base.loads BY NAME
SELECT
    $load AS load,
    $kind AS kind,
    $loaded_on AS loaded_on,
    $source AS source,
    $fingerprint AS fingerprint,
    $reading AS reading,
    $roles AS roles,
    $currency AS currency,
    $zero_amount AS zero_amount,
    $records AS records,
    $added AS added,
    $known AS known,
    $superseded AS superseded,
    $erased AS erased,
    $set_aside AS set_aside,
    $money AS money,
    $known_money AS known_money,
    $erased_money AS erased_money
