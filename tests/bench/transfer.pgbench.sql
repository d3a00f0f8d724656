-- SPDX-License-Identifier: Apache-2.0
-- One transfer in a transaction of its own: the baseline of ledger_bench. The
-- same insert and the same two updates that a batch makes for each of its
-- transfers.
\set debit random(1, 1000)
\set credit random(1, 1000)
BEGIN;
INSERT INTO transfer (id, debit_kind, debit_id, credit_kind, credit_id, amount,
    kind, request_id, create_time)
  SELECT nextval('bench_transfer'), 'account', :debit, 'account',
    CASE WHEN :credit = :debit THEN 1001 ELSE :credit END, 1, 'deposit', '',
    now();
UPDATE balance SET amount = amount - 1
  WHERE kind = 'account' AND place_id = :debit;
UPDATE balance SET amount = amount + 1
  WHERE kind = 'account'
    AND place_id = CASE WHEN :credit = :debit THEN 1001 ELSE :credit END;
COMMIT;
