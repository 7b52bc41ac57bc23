-- That a load was withdrawn, when and why.
INSERT INTO base.withdrawals BY NAME
SELECT
    $withdrawal AS withdrawal,
    $load AS load,
    $day AS withdrawn_on,
    $reason AS reason
