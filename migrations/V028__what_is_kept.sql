-- How long a file on the pool's disk is kept: when what needs it was last used,
-- and whose weights are there.

ALTER TABLE stored_file ADD COLUMN cut_time timestamptz;
COMMENT ON COLUMN stored_file.cut_time IS
  'when splits were last cut from it; NULL: never, or nobody noted it';

ALTER TABLE dataset
  ADD COLUMN register_time timestamptz,
  ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0,
  ADD COLUMN drop_time timestamptz;
COMMENT ON COLUMN dataset.stored_bytes IS
  'what its splits count to its owner in storage_use';
COMMENT ON COLUMN dataset.drop_time IS
  'since when its splits are no longer kept';

-- As they were counted: a header of 56 bytes, the pixels and the labels, and a
-- MiB at least.
UPDATE dataset SET stored_bytes =
  greatest(1048576, 56 + train_count * (channels * height * width + 1))
  + greatest(1048576, 56 + validation_count * (channels * height * width + 1))
  + greatest(1048576, 56 + held_out_count * (channels * height * width + 1));

-- The weights that were asked of a miner and sent: they are in storage_use as
-- long as they are here.
CREATE TABLE stored_weights (
  trial_id bigint NOT NULL
    CONSTRAINT stored_weights_trial_fkey REFERENCES trial
    CONSTRAINT stored_weights_pkey PRIMARY KEY,
  account_id bigint NOT NULL
    CONSTRAINT stored_weights_account_fkey REFERENCES account,
  digest bytea NOT NULL
    CONSTRAINT stored_weights_digest_size CHECK (octet_length(digest) = 32),
  size_bytes bigint NOT NULL,
  CONSTRAINT stored_weights_size_positive CHECK (size_bytes > 0)
);

-- Those of trials that nobody but their miner sent, and an audit has seen or is
-- to see; of others nobody wrote down whether they came.
INSERT INTO stored_weights (trial_id, account_id, digest, size_bytes)
  SELECT id, account_id, weights_digest, weights_size_bytes FROM trial
  WHERE weights_digest IS NOT NULL AND weights_size_bytes > 0
    AND known_from_trial_id IS NULL
    AND (state = 'uploaded' OR (state = 'accepted'
      AND coalesce(basis, 'none') IN ('audited', 'replayed')));

-- Who names a blob.
CREATE INDEX stored_file_by_digest ON stored_file (digest);
CREATE INDEX stored_weights_by_digest ON stored_weights (digest);
CREATE INDEX dataset_by_train ON dataset (train_digest);
CREATE INDEX dataset_by_validation ON dataset (validation_digest);
CREATE INDEX dataset_by_held_out ON dataset (held_out_digest);
CREATE INDEX trial_by_weights ON trial (weights_digest)
  WHERE weights_digest IS NOT NULL;
