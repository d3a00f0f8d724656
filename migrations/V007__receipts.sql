-- What miners can check alone: receipts, sealed in epochs that the pool signs.
-- And how pay may go: by the pool's latest work across tasks, and on to those
-- who share in an account's revenue.

ALTER TABLE account
  -- Accounts and parts by turns; the parts add up to 1000000.
  ADD COLUMN revenue_split bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN units_credited bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT account_credit_not_negative CHECK (units_credited >= 0);
UPDATE account SET units_credited = credited.units
FROM (SELECT account_id, sum(work_units) AS units FROM trial
      WHERE state = 'accepted' AND is_matured = 1 AND known_from_trial_id IS NULL
      GROUP BY account_id) AS credited
WHERE credited.account_id = account.id;

ALTER TABLE task
  ADD COLUMN reward_rule text NOT NULL DEFAULT 'proportional',
  ADD CONSTRAINT task_reward_rule_known
    CHECK (reward_rule IN ('proportional', 'pplns'));

ALTER TABLE transfer
  DROP CONSTRAINT transfer_kind_known,
  ADD CONSTRAINT transfer_kind_known CHECK (kind IN (
    'deposit', 'escrow', 'pay', 'finders_bonus', 'fee', 'refund', 'share',
    'payout', 'settle', 'return'));

-- What was paid for credit that was found false in the end stays with its
-- trial.
ALTER TABLE trial
  DROP CONSTRAINT trial_pay_only_if_accepted,
  ADD CONSTRAINT trial_pay_only_with_verdict CHECK (
    state IN ('accepted', 'rejected') OR (pay = 0 AND finders_bonus = 0));

-- What credited work has still to be paid.
CREATE TABLE owed (
  account_id bigint NOT NULL
    CONSTRAINT owed_account_fkey REFERENCES account (id),
  -- In the sequence of all work units that the pool ever credited.
  position bigint NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT owed_pkey PRIMARY KEY (account_id, position),
  CONSTRAINT owed_not_negative CHECK (position >= 0 AND amount >= 0)
) WITH (fillfactor = 70);
CREATE INDEX owed_open ON owed (account_id, position) WHERE amount <> 0;

CREATE TABLE receipt (
  id bigint CONSTRAINT receipt_pkey PRIMARY KEY,
  -- 0: the pool's own books.
  account_id bigint NOT NULL,
  -- Canonically encoded: what is hashed and handed out.
  content bytea NOT NULL,
  CONSTRAINT receipt_id_positive CHECK (id > 0),
  CONSTRAINT receipt_account_not_negative CHECK (account_id >= 0),
  CONSTRAINT receipt_content_not_empty CHECK (octet_length(content) > 0)
);
CREATE INDEX receipt_by_account ON receipt (account_id, id);

CREATE TABLE receipt_epoch (
  number bigint CONSTRAINT receipt_epoch_pkey PRIMARY KEY,
  -- Of the receipts that it covers.
  last_receipt_id bigint NOT NULL,
  -- An archpool/receipt-epoch/v1, canonically encoded, and its signature.
  content bytea NOT NULL,
  signature bytea NOT NULL,
  CONSTRAINT receipt_epoch_number_positive CHECK (number > 0),
  CONSTRAINT receipt_epoch_signature_size CHECK (octet_length(signature) = 64)
);

-- Each account's statement in the latest epoch, and what its tree grows from.
CREATE TABLE receipt_statement (
  account_id bigint CONSTRAINT receipt_statement_pkey PRIMARY KEY,
  count bigint NOT NULL,
  balance bigint NOT NULL,
  -- The roots of the tree's whole subtrees, 32 bytes each.
  peaks bytea NOT NULL,
  CONSTRAINT receipt_statement_counts_not_negative
    CHECK (account_id >= 0 AND count >= 0)
) WITH (fillfactor = 70);

CREATE TRIGGER receipt_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER receipt_epoch_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_epoch
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
