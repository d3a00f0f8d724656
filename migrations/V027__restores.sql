-- What a restore from a backup leaves in the database: that it happened, whether
-- payouts are held since, and from where ids go on.

CREATE TABLE pool_restore (
  -- How many there were, with this one.
  number bigint NOT NULL,
  backup text NOT NULL,
  -- What happened later than this, and before the restore, is lost.
  snapshot_time timestamptz NOT NULL,
  restore_time timestamptz NOT NULL,
  -- NULL: what was paid meanwhile is not in the books yet, and nothing is sent.
  payouts_time timestamptz,
  CONSTRAINT pool_restore_pkey PRIMARY KEY (number),
  CONSTRAINT pool_restore_number_positive CHECK (number > 0)
);

-- Ids up to these may have been given out by a pool that is lost: they are not
-- given out again.
CREATE TABLE id_floor (
  record text NOT NULL,
  last_id bigint NOT NULL,
  CONSTRAINT id_floor_pkey PRIMARY KEY (record),
  CONSTRAINT id_floor_not_negative CHECK (last_id >= 0)
);

COMMENT ON COLUMN id_floor.record IS 'the name of a table';
