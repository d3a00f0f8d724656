-- Invitations, by which accounts are made without an operator, and who came by
-- whose. Of a code the hash alone is here. Accounts are few: the constraint looks
-- at them at once.

CREATE TABLE invitation (
  account_id bigint NOT NULL
    CONSTRAINT invitation_account_fkey REFERENCES account,
  -- Within the account's; used again once the invitation is over.
  number bigint NOT NULL,
  role text NOT NULL,
  code_hash bytea NOT NULL,
  uses_max bigint NOT NULL,
  uses bigint NOT NULL,
  create_time timestamptz NOT NULL,
  -- One that was revoked has expired.
  expire_time timestamptz NOT NULL,
  CONSTRAINT invitation_pkey PRIMARY KEY (account_id, number),
  CONSTRAINT invitation_code_unique UNIQUE (code_hash),
  CONSTRAINT invitation_code_size CHECK (octet_length(code_hash) = 32),
  CONSTRAINT invitation_number_positive CHECK (number > 0),
  CONSTRAINT invitation_uses_within_max CHECK (uses >= 0 AND uses <= uses_max)
);

ALTER TABLE account
  -- NULL: an operator made it by hand.
  ADD COLUMN invited_by bigint
    CONSTRAINT account_invited_by_fkey REFERENCES account;
