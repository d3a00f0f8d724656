-- Which files each account sent for its datasets, and how many bytes of each
-- kind it has stored. Both begin empty: who sent what lay there before was not
-- written down.

CREATE TABLE stored_file (
  account_id bigint NOT NULL
    CONSTRAINT stored_file_account_fkey REFERENCES account,
  digest bytea NOT NULL
    CONSTRAINT stored_file_digest_size CHECK (octet_length(digest) = 32),
  size_bytes bigint NOT NULL,
  create_time timestamptz NOT NULL,
  CONSTRAINT stored_file_pkey PRIMARY KEY (account_id, digest),
  CONSTRAINT stored_file_size_positive CHECK (size_bytes > 0)
);

CREATE TABLE storage_use (
  account_id bigint NOT NULL
    CONSTRAINT storage_use_account_fkey REFERENCES account
    CONSTRAINT storage_use_pkey PRIMARY KEY,
  -- By its own choice: its files, and the splits of its datasets.
  file_bytes bigint NOT NULL,
  -- The weights that were asked of it.
  weight_bytes bigint NOT NULL,
  CONSTRAINT storage_use_not_negative CHECK (
    file_bytes >= 0 AND weight_bytes >= 0)
) WITH (fillfactor = 70);

-- What an operator lets it store by its own choice. Accounts are few: the
-- constraint looks at them at once.
ALTER TABLE account
  ADD COLUMN quota_stored_bytes bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT account_stored_quota_not_negative CHECK (
    quota_stored_bytes >= 0);
