-- Money leaves the pool: set aside, sent over a rail under a key, settled or
-- returned by what the rail says.

ALTER TABLE account
  ADD COLUMN payout_address text NOT NULL DEFAULT '',
  ADD COLUMN payout_threshold bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT account_threshold_not_negative CHECK (payout_threshold >= 0);

CREATE TABLE payout (
  id bigint CONSTRAINT payout_pkey PRIMARY KEY,
  account_id bigint NOT NULL
    CONSTRAINT payout_account_fkey REFERENCES account (id),
  amount bigint NOT NULL,
  address text NOT NULL,
  -- The account's idempotency key; '' for what is paid out by itself.
  request_id text NOT NULL,
  -- The rail's idempotency key.
  rail_key bytea NOT NULL,
  state text NOT NULL,
  attempt bigint NOT NULL,
  reference text NOT NULL,
  reason text NOT NULL,
  create_time timestamptz NOT NULL,
  end_time timestamptz,
  CONSTRAINT payout_id_positive CHECK (id > 0),
  CONSTRAINT payout_amount_positive CHECK (amount > 0),
  CONSTRAINT payout_address_not_empty CHECK (address <> ''),
  CONSTRAINT payout_key_size CHECK (octet_length(rail_key) = 32),
  CONSTRAINT payout_state_known CHECK (state IN (
    'waiting', 'sending', 'unknown', 'sent', 'settled', 'refused')),
  CONSTRAINT payout_attempt_not_negative CHECK (attempt >= 0),
  CONSTRAINT payout_end_time_iff_ended
    CHECK ((end_time IS NOT NULL) = (state IN ('settled', 'refused')))
);
CREATE UNIQUE INDEX payout_key_unique ON payout (rail_key);
CREATE UNIQUE INDEX payout_request_unique ON payout (account_id, request_id)
  WHERE request_id <> '';
CREATE INDEX payout_open ON payout (id)
  WHERE state NOT IN ('settled', 'refused');
CREATE INDEX payout_by_account ON payout (account_id, id);

-- What was asked of a rail stays as it was asked, and an end is an end.
CREATE FUNCTION refuse_payout_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state IN ('settled', 'refused')
      AND NEW IS DISTINCT FROM OLD
      OR (NEW.account_id, NEW.amount, NEW.address, NEW.rail_key)
      IS DISTINCT FROM (OLD.account_id, OLD.amount, OLD.address, OLD.rail_key)
  THEN
    RAISE EXCEPTION 'payout %: % refused', OLD.id, TG_OP
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'payout_append_only';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payout_append_only BEFORE UPDATE OR DELETE ON payout
  FOR EACH ROW EXECUTE FUNCTION refuse_payout_change();

-- Why a miner was not paid is asked by account.
CREATE INDEX trial_by_account ON trial (account_id, id);

ALTER TABLE balance
  DROP CONSTRAINT balance_place_known,
  ADD CONSTRAINT balance_place_known CHECK (
    (kind IN ('outside', 'fees', 'payouts') AND place_id = 0)
    OR (kind IN ('account', 'escrow') AND place_id > 0));

ALTER TABLE transfer
  ADD COLUMN payout_id bigint
    CONSTRAINT transfer_payout_fkey REFERENCES payout (id),
  DROP CONSTRAINT transfer_places_known,
  ADD CONSTRAINT transfer_places_known CHECK (
    ((debit_kind IN ('outside', 'fees', 'payouts') AND debit_id = 0)
      OR (debit_kind IN ('account', 'escrow') AND debit_id > 0))
    AND ((credit_kind IN ('outside', 'fees', 'payouts') AND credit_id = 0)
      OR (credit_kind IN ('account', 'escrow') AND credit_id > 0))),
  DROP CONSTRAINT transfer_kind_known,
  ADD CONSTRAINT transfer_kind_known CHECK (kind IN (
    'deposit', 'escrow', 'pay', 'finders_bonus', 'fee', 'refund', 'payout',
    'settle', 'return')),
  ADD CONSTRAINT transfer_payout_iff_of_one CHECK (
    (payout_id IS NOT NULL) = (kind IN ('payout', 'settle', 'return')));
-- Each kind of a payout's movements once: the database itself refuses to pay
-- twice, or to pay and to return.
CREATE UNIQUE INDEX transfer_payout_once ON transfer (payout_id)
  WHERE kind = 'payout';
CREATE UNIQUE INDEX transfer_payout_ends_once ON transfer (payout_id)
  WHERE kind IN ('settle', 'return');
