-- The tokens of accounts: several of each, with a name, a scope and an end. Of a
-- token the hash alone is here. Every account keeps the one that it has, as the
-- owner's, for good; account.token_hash goes on saying with which one it was
-- made. A server from before knows callers by that column alone.
--
-- And the payout address that an account waits for. Accounts are few: the
-- constraint looks at them at once.

CREATE TABLE account_token (
  account_id bigint NOT NULL
    CONSTRAINT account_token_account_fkey REFERENCES account,
  -- Within the account's; used again once the token is over.
  number bigint NOT NULL,
  name text NOT NULL,
  scope text NOT NULL,
  hash bytea NOT NULL,
  create_time timestamptz NOT NULL,
  -- NULL: never.
  expire_time timestamptz,
  -- NULL: it was not.
  revoke_time timestamptz,
  -- Noted once an hour at most.
  last_use_time timestamptz,
  CONSTRAINT account_token_pkey PRIMARY KEY (account_id, number),
  CONSTRAINT account_token_hash_unique UNIQUE (hash),
  CONSTRAINT account_token_hash_size CHECK (octet_length(hash) = 32),
  CONSTRAINT account_token_name_not_empty CHECK (name <> ''),
  CONSTRAINT account_token_number_positive CHECK (number > 0)
) WITH (fillfactor = 70);

INSERT INTO account_token (account_id, number, name, scope, hash, create_time)
SELECT id, 1, 'first', 'owner', token_hash, now() FROM account;

ALTER TABLE account
  -- NULL: it waits for none.
  ADD COLUMN next_address text,
  ADD COLUMN next_address_time timestamptz,
  -- When it last began to wait; NULL: never.
  ADD COLUMN address_wait_time timestamptz,
  ADD CONSTRAINT account_next_address_filled CHECK (
    (next_address IS NULL) = (next_address_time IS NULL));
