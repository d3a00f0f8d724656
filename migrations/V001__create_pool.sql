-- The pool's records, one table per record of server/core/entities.h. Rows are
-- the truth: a row is the record as it is now; transfers alone are a log.
--
-- Money is in micro-coins, shares and accuracies in millionths, durations carry
-- their unit in the name. What is unset is NULL, never a magic number.

-- The one row that every writer moves: a commit of a writer that was fenced off
-- finds neither its epoch nor its sequence.
CREATE TABLE pool_head (
  id bigint CONSTRAINT pool_head_pkey PRIMARY KEY,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  CONSTRAINT pool_head_single CHECK (id = 1),
  CONSTRAINT pool_head_not_negative CHECK (epoch >= 0 AND sequence >= 0)
) WITH (fillfactor = 10);
INSERT INTO pool_head (id, epoch, sequence) VALUES (1, 0, 0);

CREATE TABLE account (
  id bigint CONSTRAINT account_pkey PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL,
  token_hash bytea NOT NULL,
  state text NOT NULL,
  trials_accepted bigint NOT NULL,
  trials_rejected bigint NOT NULL,
  trials_abandoned bigint NOT NULL,
  rejections_in_a_row bigint NOT NULL,
  CONSTRAINT account_id_positive CHECK (id > 0),
  CONSTRAINT account_name_unique UNIQUE (name),
  CONSTRAINT account_name_not_empty CHECK (name <> ''),
  CONSTRAINT account_role_known
    CHECK (role IN ('client', 'miner', 'verifier', 'operator')),
  CONSTRAINT account_state_known CHECK (state IN ('active', 'suspended')),
  CONSTRAINT account_token_hash_size CHECK (octet_length(token_hash) = 32),
  CONSTRAINT account_counts_not_negative CHECK (
    trials_accepted >= 0 AND trials_rejected >= 0 AND trials_abandoned >= 0
    AND rejections_in_a_row >= 0)
) WITH (fillfactor = 50);

CREATE TABLE dataset (
  id bytea CONSTRAINT dataset_pkey PRIMARY KEY,
  owner_id bigint NOT NULL
    CONSTRAINT dataset_owner_fkey REFERENCES account (id),
  channels bigint NOT NULL,
  height bigint NOT NULL,
  width bigint NOT NULL,
  classes bigint NOT NULL,
  train_count bigint NOT NULL,
  validation_count bigint NOT NULL,
  held_out_count bigint NOT NULL,
  train_digest bytea NOT NULL,
  validation_digest bytea NOT NULL,
  held_out_digest bytea NOT NULL,
  mean_ppm bigint NOT NULL,
  deviation_ppm bigint NOT NULL,
  CONSTRAINT dataset_digest_sizes CHECK (
    octet_length(id) = 32 AND octet_length(train_digest) = 32
    AND octet_length(validation_digest) = 32
    AND octet_length(held_out_digest) = 32),
  CONSTRAINT dataset_counts_not_negative CHECK (
    train_count >= 0 AND validation_count >= 0 AND held_out_count >= 0)
);

CREATE TABLE task (
  id bigint CONSTRAINT task_pkey PRIMARY KEY,
  client_id bigint NOT NULL
    CONSTRAINT task_client_fkey REFERENCES account (id),
  request_id text NOT NULL,
  -- archpool.v1.TaskSpec, serialised. The three columns after it repeat what
  -- the database itself checks or people ask for.
  spec bytea NOT NULL,
  name text NOT NULL,
  dataset_id bytea NOT NULL
    CONSTRAINT task_dataset_fkey REFERENCES dataset (id),
  reward bigint NOT NULL,
  secret bytea NOT NULL,
  cost_table_version bigint NOT NULL,
  state text NOT NULL,
  end_reason text NOT NULL,
  create_time timestamptz NOT NULL,
  deadline timestamptz NOT NULL,
  end_time timestamptz,
  fee_pot bigint NOT NULL,
  bonus_pot bigint NOT NULL,
  work_pot bigint NOT NULL,
  fee bigint NOT NULL,
  refund bigint NOT NULL,
  CONSTRAINT task_id_positive CHECK (id > 0),
  CONSTRAINT task_request_unique UNIQUE (client_id, request_id),
  CONSTRAINT task_secret_size CHECK (octet_length(secret) = 32),
  CONSTRAINT task_state_known CHECK (
    state IN ('active', 'finishing', 'succeeded', 'failed', 'cancelled')),
  CONSTRAINT task_end_reason_known CHECK (end_reason IN (
    'none', 'budget', 'target', 'time_limit', 'exhausted', 'cancelled')),
  CONSTRAINT task_end_reason_iff_not_active
    CHECK ((end_reason = 'none') = (state = 'active')),
  CONSTRAINT task_end_time_iff_ended CHECK (
    (end_time IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))),
  CONSTRAINT task_amounts_not_negative CHECK (
    fee_pot >= 0 AND bonus_pot >= 0 AND work_pot >= 0 AND fee >= 0
    AND refund >= 0),
  CONSTRAINT task_pots_are_the_reward
    CHECK (fee_pot + bonus_pot + work_pot = reward),
  CONSTRAINT task_settled_within_reward CHECK (fee + refund <= reward),
  CONSTRAINT task_settled_iff_ended CHECK (
    (fee = 0 AND refund = 0)
    OR state IN ('succeeded', 'failed', 'cancelled'))
);

CREATE TABLE subspace (
  id bigint CONSTRAINT subspace_pkey PRIMARY KEY,
  task_id bigint NOT NULL
    CONSTRAINT subspace_task_fkey REFERENCES task (id),
  -- Per dimension of the task's space, the allowed choices as a set of 64 bits.
  allowed bigint[] NOT NULL,
  state text NOT NULL,
  attempt bigint NOT NULL,
  CONSTRAINT subspace_id_positive CHECK (id > 0),
  CONSTRAINT subspace_state_known
    CHECK (state IN ('open', 'leased', 'completed')),
  CONSTRAINT subspace_attempt_not_negative CHECK (attempt >= 0)
) WITH (fillfactor = 70);
CREATE INDEX subspace_by_task ON subspace (task_id, id);

CREATE TABLE session (
  id bigint CONSTRAINT session_pkey PRIMARY KEY,
  account_id bigint NOT NULL
    CONSTRAINT session_account_fkey REFERENCES account (id),
  worker_name text NOT NULL,
  threads bigint NOT NULL,
  hardware_class text NOT NULL,
  state text NOT NULL,
  create_time timestamptz NOT NULL,
  CONSTRAINT session_id_positive CHECK (id > 0),
  CONSTRAINT session_state_known CHECK (state IN ('open', 'closed')),
  CONSTRAINT session_threads_positive CHECK (threads > 0)
);
CREATE UNIQUE INDEX session_open_unique ON session (account_id, worker_name)
  WHERE state = 'open';

CREATE TABLE lease (
  id bigint CONSTRAINT lease_pkey PRIMARY KEY,
  task_id bigint NOT NULL
    CONSTRAINT lease_task_fkey REFERENCES task (id),
  subspace_id bigint NOT NULL
    CONSTRAINT lease_subspace_fkey REFERENCES subspace (id),
  session_id bigint NOT NULL
    CONSTRAINT lease_session_fkey REFERENCES session (id),
  account_id bigint NOT NULL
    CONSTRAINT lease_account_fkey REFERENCES account (id),
  attempt bigint NOT NULL,
  role text NOT NULL,
  state text NOT NULL,
  -- The trials it names, in the order in which they are to be trained.
  trial_ids bigint[] NOT NULL,
  create_time timestamptz NOT NULL,
  expire_time timestamptz NOT NULL,
  CONSTRAINT lease_id_positive CHECK (id > 0),
  CONSTRAINT lease_role_known CHECK (role IN ('primary', 'backup')),
  CONSTRAINT lease_state_known CHECK (
    state IN ('active', 'completed', 'released', 'expired', 'revoked')),
  CONSTRAINT lease_attempt_not_negative CHECK (attempt >= 0)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX lease_one_primary_per_subspace ON lease (subspace_id)
  WHERE state = 'active' AND role = 'primary';
CREATE INDEX lease_active_by_task ON lease (task_id, id)
  WHERE state = 'active';

CREATE TABLE trial (
  id bigint CONSTRAINT trial_pkey PRIMARY KEY,
  task_id bigint NOT NULL,
  subspace_id bigint NOT NULL,
  -- The lease refers to the trial's task, subspace and account.
  lease_id bigint NOT NULL
    CONSTRAINT trial_lease_fkey REFERENCES lease (id),
  account_id bigint NOT NULL,
  -- One byte per dimension: the index of its choice.
  architecture bytea NOT NULL,
  architecture_id bytea NOT NULL,
  parameters bigint NOT NULL,
  macs bigint NOT NULL,
  work_units bigint NOT NULL,
  state text NOT NULL,
  create_time timestamptz NOT NULL,
  weights_digest bytea,
  weights_size_bytes bigint NOT NULL,
  claimed_correct bigint,
  train_time_ns bigint NOT NULL,
  upload_deadline timestamptz,
  measured_correct bigint,
  held_out_correct bigint,
  verified_accuracy_ppm bigint,
  reason text NOT NULL,
  pay bigint NOT NULL,
  finders_bonus bigint NOT NULL,
  CONSTRAINT trial_id_positive CHECK (id > 0),
  CONSTRAINT trial_state_known CHECK (state IN (
    'assigned', 'committed', 'uploaded', 'accepted', 'rejected',
    'abandoned')),
  CONSTRAINT trial_digest_sizes CHECK (
    octet_length(architecture_id) = 32 AND octet_length(weights_digest) = 32),
  CONSTRAINT trial_weights_iff_committed CHECK (
    (weights_digest IS NULL) = (state IN ('assigned', 'abandoned'))),
  CONSTRAINT trial_upload_deadline_while_committed
    CHECK (state <> 'committed' OR upload_deadline IS NOT NULL),
  CONSTRAINT trial_accuracy_once_accepted
    CHECK (state <> 'accepted' OR verified_accuracy_ppm IS NOT NULL),
  CONSTRAINT trial_accuracy_range
    CHECK (verified_accuracy_ppm BETWEEN 0 AND 1000000),
  CONSTRAINT trial_reason_iff_rejected
    CHECK ((reason <> '') = (state = 'rejected')),
  CONSTRAINT trial_sizes_not_negative CHECK (
    parameters >= 0 AND macs >= 0 AND work_units >= 0
    AND weights_size_bytes >= 0 AND train_time_ns >= 0),
  CONSTRAINT trial_pay_not_negative CHECK (pay >= 0 AND finders_bonus >= 0),
  CONSTRAINT trial_pay_only_if_accepted
    CHECK (state = 'accepted' OR (pay = 0 AND finders_bonus = 0))
) WITH (fillfactor = 70);
CREATE INDEX trial_by_task ON trial (task_id, id);

CREATE TABLE audit (
  id bigint CONSTRAINT audit_pkey PRIMARY KEY,
  trial_id bigint NOT NULL
    CONSTRAINT audit_trial_fkey REFERENCES trial (id),
  task_id bigint NOT NULL,
  state text NOT NULL,
  attempt bigint NOT NULL,
  inconclusive_count bigint NOT NULL,
  verifier_id bigint
    CONSTRAINT audit_verifier_fkey REFERENCES account (id),
  verifier_name text NOT NULL,
  expire_time timestamptz,
  CONSTRAINT audit_id_positive CHECK (id > 0),
  CONSTRAINT audit_state_known CHECK (state IN ('waiting', 'leased', 'done')),
  CONSTRAINT audit_counts_not_negative
    CHECK (attempt >= 0 AND inconclusive_count >= 0),
  CONSTRAINT audit_expiry_iff_leased
    CHECK ((expire_time IS NOT NULL) = (state = 'leased')),
  CONSTRAINT audit_verifier_while_leased
    CHECK (state <> 'leased' OR verifier_id IS NOT NULL)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX audit_one_open_per_trial ON audit (trial_id)
  WHERE state <> 'done';
CREATE INDEX audit_open_by_task ON audit (task_id, id) WHERE state <> 'done';

-- Places: ('outside', 0), ('fees', 0), ('account', its id), ('escrow', the
-- task's id).
CREATE TABLE balance (
  kind text NOT NULL,
  place_id bigint NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT balance_pkey PRIMARY KEY (kind, place_id),
  CONSTRAINT balance_place_known CHECK (
    (kind IN ('outside', 'fees') AND place_id = 0)
    OR (kind IN ('account', 'escrow') AND place_id > 0)),
  CONSTRAINT balance_not_negative CHECK (amount >= 0 OR kind = 'outside')
) WITH (fillfactor = 50);

CREATE TABLE transfer (
  id bigint CONSTRAINT transfer_pkey PRIMARY KEY,
  debit_kind text NOT NULL,
  debit_id bigint NOT NULL,
  credit_kind text NOT NULL,
  credit_id bigint NOT NULL,
  amount bigint NOT NULL,
  kind text NOT NULL,
  task_id bigint
    CONSTRAINT transfer_task_fkey REFERENCES task (id),
  request_id text NOT NULL,
  create_time timestamptz NOT NULL,
  CONSTRAINT transfer_id_positive CHECK (id > 0),
  CONSTRAINT transfer_amount_positive CHECK (amount > 0),
  CONSTRAINT transfer_places_differ
    CHECK (debit_kind <> credit_kind OR debit_id <> credit_id),
  CONSTRAINT transfer_places_known CHECK (
    ((debit_kind IN ('outside', 'fees') AND debit_id = 0)
      OR (debit_kind IN ('account', 'escrow') AND debit_id > 0))
    AND ((credit_kind IN ('outside', 'fees') AND credit_id = 0)
      OR (credit_kind IN ('account', 'escrow') AND credit_id > 0))),
  CONSTRAINT transfer_kind_known CHECK (kind IN (
    'deposit', 'escrow', 'pay', 'finders_bonus', 'fee', 'refund')),
  CONSTRAINT transfer_request_only_of_deposit
    CHECK (request_id = '' OR kind = 'deposit')
);
CREATE UNIQUE INDEX transfer_request_unique ON transfer (request_id)
  WHERE request_id <> '';
CREATE INDEX transfer_by_debit ON transfer (debit_kind, debit_id, id);
CREATE INDEX transfer_by_credit ON transfer (credit_kind, credit_id, id);
CREATE INDEX transfer_by_task ON transfer (task_id, id);

-- What was moved stays moved: a mistake is put right by another transfer.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER transfer_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
