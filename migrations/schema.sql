-- Every table as it is after all migrations and the checks that follow from the
-- tables of words. Written by schema_test: UPDATE_GOLDEN=1 writes it anew. Nothing
-- runs it. How to read it: README.md.

CREATE TABLE account (
  id bigint NOT NULL,
  name text NOT NULL,
  role text NOT NULL,
  token_hash bytea NOT NULL,
  state text NOT NULL,
  trials_accepted bigint NOT NULL,
  trials_rejected bigint NOT NULL,
  trials_abandoned bigint NOT NULL,
  rejections_in_a_row bigint NOT NULL,
  pace_count bigint DEFAULT 0 NOT NULL,
  pace_sum_permille bigint DEFAULT 0 NOT NULL,
  pace_sum_of_squares bigint DEFAULT 0 NOT NULL,
  leases_completed bigint DEFAULT 0 NOT NULL,
  leases_lost bigint DEFAULT 0 NOT NULL,
  lease_time_ns bigint DEFAULT 0 NOT NULL,
  last_commit_time timestamp with time zone,
  accuracy_count bigint DEFAULT 0 NOT NULL,
  accuracy_sum_ppm bigint DEFAULT 0 NOT NULL,
  accuracy_sum_of_squares bigint DEFAULT 0 NOT NULL,
  audit_rate_ppm bigint DEFAULT 1000000 NOT NULL,
  payout_address text DEFAULT ''::text,
  payout_threshold bigint DEFAULT 0 NOT NULL,
  revenue_split bigint[] DEFAULT '{}'::bigint[] NOT NULL,
  units_credited bigint DEFAULT 0 NOT NULL,
  claims_too_low bigint DEFAULT 0 NOT NULL,
  quota_open_tasks bigint DEFAULT 0 NOT NULL,
  quota_leases bigint DEFAULT 0 NOT NULL,
  quota_sessions bigint DEFAULT 0 NOT NULL,
  give_ups bigint DEFAULT 0 NOT NULL,
  give_up_time timestamp with time zone,
  shares_from bigint[] DEFAULT '{}'::bigint[] NOT NULL,
  is_public bigint DEFAULT 0,
  shows_name boolean,
  void_until timestamp with time zone,
  examine_until timestamp with time zone,
  group_name text,
  trials_within_group bigint DEFAULT 0 NOT NULL,
  quota_stored_bytes bigint DEFAULT 0 NOT NULL,
  invited_by bigint,
  next_address text,
  next_address_time timestamp with time zone,
  address_wait_time timestamp with time zone,
  CONSTRAINT account_pkey PRIMARY KEY (id),
  CONSTRAINT account_name_unique UNIQUE (name),
  CONSTRAINT account_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES account(id),
  CONSTRAINT account_counts_not_negative CHECK (((trials_accepted >= 0) AND (trials_rejected >= 0) AND (trials_abandoned >= 0) AND (rejections_in_a_row >= 0))),
  CONSTRAINT account_credit_not_negative CHECK ((units_credited >= 0)),
  CONSTRAINT account_give_ups_not_negative CHECK ((give_ups >= 0)),
  CONSTRAINT account_id_positive CHECK ((id > 0)),
  CONSTRAINT account_is_public_is_bool CHECK ((is_public = ANY (ARRAY[(0)::bigint, (1)::bigint]))),
  CONSTRAINT account_name_not_empty CHECK ((name <> ''::text)),
  CONSTRAINT account_next_address_filled CHECK (((next_address IS NULL) = (next_address_time IS NULL))),
  CONSTRAINT account_quotas_not_negative CHECK (((quota_open_tasks >= 0) AND (quota_leases >= 0) AND (quota_sessions >= 0))),
  CONSTRAINT account_role_known CHECK ((role = ANY (ARRAY['client'::text, 'miner'::text, 'verifier'::text, 'operator'::text]))),
  CONSTRAINT account_shows_name_filled CHECK ((num_nonnulls(shows_name, is_public) = 1)),
  CONSTRAINT account_state_known CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text]))),
  CONSTRAINT account_stored_quota_not_negative CHECK ((quota_stored_bytes >= 0)),
  CONSTRAINT account_threshold_not_negative CHECK ((payout_threshold >= 0)),
  CONSTRAINT account_token_hash_size CHECK ((octet_length(token_hash) = 32)),
  CONSTRAINT account_within_group_not_negative CHECK ((trials_within_group >= 0))
) WITH (fillfactor=50);
COMMENT ON COLUMN account.is_public IS 'retired: see shows_name';

CREATE TABLE account_token (
  account_id bigint NOT NULL,
  number bigint NOT NULL,
  name text NOT NULL,
  scope text NOT NULL,
  hash bytea NOT NULL,
  create_time timestamp with time zone NOT NULL,
  expire_time timestamp with time zone,
  revoke_time timestamp with time zone,
  last_use_time timestamp with time zone,
  CONSTRAINT account_token_pkey PRIMARY KEY (account_id, number),
  CONSTRAINT account_token_hash_unique UNIQUE (hash),
  CONSTRAINT account_token_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT account_token_hash_size CHECK ((octet_length(hash) = 32)),
  CONSTRAINT account_token_name_not_empty CHECK ((name <> ''::text)),
  CONSTRAINT account_token_number_positive CHECK ((number > 0)),
  CONSTRAINT account_token_scope_known CHECK ((scope = ANY (ARRAY['owner'::text, 'work'::text, 'spend'::text, 'read'::text])))
) WITH (fillfactor=70);

CREATE TABLE audit (
  id bigint NOT NULL,
  trial_id bigint NOT NULL,
  task_id bigint NOT NULL,
  state text NOT NULL,
  attempt bigint NOT NULL,
  inconclusive_count bigint DEFAULT 0 NOT NULL,
  verifier_id bigint,
  verifier_name text,
  expire_time timestamp with time zone,
  kind text DEFAULT 'whole'::text NOT NULL,
  segment bigint DEFAULT 0 NOT NULL,
  measures_all bigint DEFAULT 1,
  missing bigint DEFAULT 0 NOT NULL,
  opening bytea DEFAULT '\x'::bytea,
  refutations bigint DEFAULT 0 NOT NULL,
  retry_time timestamp with time zone,
  looks bytea DEFAULT '\x'::bytea NOT NULL,
  lease_time timestamp with time zone,
  wait_time timestamp with time zone DEFAULT now(),
  decide_time timestamp with time zone DEFAULT (now() + '01:00:00'::interval),
  refused_time_ns bigint DEFAULT 0 NOT NULL,
  is_planted bigint DEFAULT 0,
  planted_count bigint DEFAULT 0 NOT NULL,
  measures_whole_splits boolean,
  planted boolean,
  away_until timestamp with time zone,
  away boolean DEFAULT false NOT NULL,
  CONSTRAINT audit_pkey PRIMARY KEY (id),
  CONSTRAINT audit_task_fkey FOREIGN KEY (task_id) REFERENCES task(id),
  CONSTRAINT audit_trial_fkey FOREIGN KEY (trial_id) REFERENCES trial(id),
  CONSTRAINT audit_verifier_fkey FOREIGN KEY (verifier_id) REFERENCES account(id),
  CONSTRAINT audit_counts_not_negative CHECK (((attempt >= 0) AND (inconclusive_count >= 0))),
  CONSTRAINT audit_expiry_iff_awaited CHECK (((expire_time IS NOT NULL) = (state = ANY (ARRAY['asked'::text, 'leased'::text])))),
  CONSTRAINT audit_id_positive CHECK ((id > 0)),
  CONSTRAINT audit_is_planted_is_bool CHECK ((is_planted = ANY (ARRAY[(0)::bigint, (1)::bigint]))),
  CONSTRAINT audit_kind_known CHECK ((kind = ANY (ARRAY['segment'::text, 'whole'::text, 'evaluation'::text]))),
  CONSTRAINT audit_marks_filled CHECK (((num_nonnulls(measures_whole_splits, measures_all) = 1) AND (num_nonnulls(planted, is_planted) = 1) AND (measures_all = ANY (ARRAY[(0)::bigint, (1)::bigint])))),
  CONSTRAINT audit_missing_iff_asked CHECK (((state = 'done'::text) OR ((missing <> 0) = (state = 'asked'::text)))),
  CONSTRAINT audit_planted_count_not_negative CHECK ((planted_count >= 0)),
  CONSTRAINT audit_refused_time_not_negative CHECK ((refused_time_ns >= 0)),
  CONSTRAINT audit_state_known CHECK ((state = ANY (ARRAY['asked'::text, 'waiting'::text, 'leased'::text, 'done'::text]))),
  CONSTRAINT audit_verifier_while_leased CHECK (((state <> 'leased'::text) OR (verifier_id IS NOT NULL)))
) WITH (fillfactor=70);
CREATE INDEX audit_open_by_task ON audit USING btree (task_id, id) WHERE (state <> 'done'::text);
CREATE UNIQUE INDEX audit_one_open_per_trial ON audit USING btree (trial_id) WHERE (state <> 'done'::text);
COMMENT ON COLUMN audit.inconclusive_count IS 'retired by V010: looks has them';
COMMENT ON COLUMN audit.measures_all IS 'retired: see measures_whole_splits';
COMMENT ON COLUMN audit.refutations IS 'retired by V010: looks has them';
COMMENT ON COLUMN audit.retry_time IS 'retired by V010';
COMMENT ON COLUMN audit.is_planted IS 'retired: see planted';

CREATE TABLE balance (
  kind text NOT NULL,
  place_id bigint NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT balance_pkey PRIMARY KEY (kind, place_id),
  CONSTRAINT balance_not_negative CHECK (((amount >= 0) OR (kind = 'outside'::text))),
  CONSTRAINT balance_place_known CHECK ((((kind = ANY (ARRAY['outside'::text, 'fees'::text, 'payouts'::text])) AND (place_id = 0)) OR ((kind = ANY (ARRAY['account'::text, 'escrow'::text])) AND (place_id > 0))))
) WITH (fillfactor=50);
COMMENT ON COLUMN balance.place_id IS 'an account or a task; 0 where the kind has no number';

CREATE TABLE dataset (
  id bytea NOT NULL,
  owner_id bigint NOT NULL,
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
  register_time timestamp with time zone,
  stored_bytes bigint DEFAULT 0 NOT NULL,
  drop_time timestamp with time zone,
  split_key bytea,
  CONSTRAINT dataset_pkey PRIMARY KEY (id),
  CONSTRAINT dataset_owner_fkey FOREIGN KEY (owner_id) REFERENCES account(id),
  CONSTRAINT dataset_counts_not_negative CHECK (((train_count >= 0) AND (validation_count >= 0) AND (held_out_count >= 0))),
  CONSTRAINT dataset_digest_sizes CHECK (((octet_length(id) = 32) AND (octet_length(train_digest) = 32) AND (octet_length(validation_digest) = 32) AND (octet_length(held_out_digest) = 32))),
  CONSTRAINT dataset_split_key_size CHECK ((octet_length(split_key) = 32))
);
CREATE INDEX dataset_by_held_out ON dataset USING btree (held_out_digest);
CREATE INDEX dataset_by_train ON dataset USING btree (train_digest);
CREATE INDEX dataset_by_validation ON dataset USING btree (validation_digest);
COMMENT ON COLUMN dataset.stored_bytes IS 'what its splits count to its owner in storage_use';
COMMENT ON COLUMN dataset.drop_time IS 'since when its splits are no longer kept';
COMMENT ON COLUMN dataset.split_key IS 'what the draw of its splits follows from; NULL: nobody noted it';

CREATE TABLE id_floor (
  record text NOT NULL,
  last_id bigint NOT NULL,
  CONSTRAINT id_floor_pkey PRIMARY KEY (record),
  CONSTRAINT id_floor_not_negative CHECK ((last_id >= 0))
);
COMMENT ON COLUMN id_floor.record IS 'the name of a table';

CREATE TABLE invitation (
  account_id bigint NOT NULL,
  number bigint NOT NULL,
  role text NOT NULL,
  code_hash bytea NOT NULL,
  uses_max bigint NOT NULL,
  uses bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  expire_time timestamp with time zone NOT NULL,
  CONSTRAINT invitation_pkey PRIMARY KEY (account_id, number),
  CONSTRAINT invitation_code_unique UNIQUE (code_hash),
  CONSTRAINT invitation_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT invitation_code_size CHECK ((octet_length(code_hash) = 32)),
  CONSTRAINT invitation_number_positive CHECK ((number > 0)),
  CONSTRAINT invitation_role_known CHECK ((role = ANY (ARRAY['client'::text, 'miner'::text, 'verifier'::text, 'operator'::text]))),
  CONSTRAINT invitation_uses_within_max CHECK (((uses >= 0) AND (uses <= uses_max)))
);

CREATE TABLE lease (
  id bigint NOT NULL,
  task_id bigint NOT NULL,
  subspace_id bigint NOT NULL,
  session_id bigint NOT NULL,
  account_id bigint NOT NULL,
  attempt bigint NOT NULL,
  role text NOT NULL,
  state text NOT NULL,
  trial_ids bigint[] NOT NULL,
  create_time timestamp with time zone NOT NULL,
  expire_time timestamp with time zone NOT NULL,
  trials_target bigint DEFAULT 0 NOT NULL,
  deadline timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
  high_reward bigint DEFAULT 0,
  primary_id bigint,
  backups_wanted bigint DEFAULT 0,
  backup_reason text DEFAULT 'none'::text,
  miss_ppm bigint DEFAULT 0,
  check_time timestamp with time zone,
  has_high_reward boolean,
  CONSTRAINT lease_pkey PRIMARY KEY (id),
  CONSTRAINT lease_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT lease_primary_fkey FOREIGN KEY (primary_id) REFERENCES lease(id),
  CONSTRAINT lease_session_fkey FOREIGN KEY (session_id) REFERENCES session(id),
  CONSTRAINT lease_subspace_fkey FOREIGN KEY (subspace_id) REFERENCES subspace(id),
  CONSTRAINT lease_task_fkey FOREIGN KEY (task_id) REFERENCES task(id),
  CONSTRAINT lease_attempt_not_negative CHECK ((attempt >= 0)),
  CONSTRAINT lease_backup_reason_known CHECK ((backup_reason = ANY (ARRAY['none'::text, 'silent'::text, 'slow'::text, 'unproven'::text]))),
  CONSTRAINT lease_has_high_reward_filled CHECK (((num_nonnulls(has_high_reward, high_reward) = 1) AND (high_reward = ANY (ARRAY[(0)::bigint, (1)::bigint])))),
  CONSTRAINT lease_id_positive CHECK ((id > 0)),
  CONSTRAINT lease_primary_iff_backup CHECK (((primary_id IS NOT NULL) = (role = 'backup'::text))),
  CONSTRAINT lease_role_known CHECK ((role = ANY (ARRAY['primary'::text, 'backup'::text]))),
  CONSTRAINT lease_state_known CHECK ((state = ANY (ARRAY['active'::text, 'completed'::text, 'released'::text, 'expired'::text, 'revoked'::text])))
) WITH (fillfactor=70);
CREATE INDEX lease_active_by_task ON lease USING btree (task_id, id) WHERE (state = 'active'::text);
CREATE INDEX lease_backups ON lease USING btree (id) WHERE (role = 'backup'::text);
CREATE INDEX lease_by_account ON lease USING btree (account_id, id);
CREATE INDEX lease_by_task ON lease USING btree (task_id, id);
CREATE UNIQUE INDEX lease_one_primary_per_subspace ON lease USING btree (subspace_id) WHERE ((state = 'active'::text) AND (role = 'primary'::text));
COMMENT ON COLUMN lease.high_reward IS 'retired: see has_high_reward';

CREATE TABLE owed (
  account_id bigint NOT NULL,
  position bigint NOT NULL,
  amount bigint NOT NULL,
  CONSTRAINT owed_pkey PRIMARY KEY (account_id, "position"),
  CONSTRAINT owed_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT owed_not_negative CHECK ((("position" >= 0) AND (amount >= 0)))
) WITH (fillfactor=70);
CREATE INDEX owed_open ON owed USING btree (account_id, "position") WHERE (amount <> 0);

CREATE TABLE payout (
  id bigint NOT NULL,
  account_id bigint NOT NULL,
  amount bigint NOT NULL,
  address text NOT NULL,
  request_id text,
  rail_key bytea NOT NULL,
  state text NOT NULL,
  attempt bigint NOT NULL,
  reference text,
  reason text,
  create_time timestamp with time zone NOT NULL,
  end_time timestamp with time zone,
  CONSTRAINT payout_pkey PRIMARY KEY (id),
  CONSTRAINT payout_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT payout_address_not_empty CHECK ((address <> ''::text)),
  CONSTRAINT payout_amount_positive CHECK ((amount > 0)),
  CONSTRAINT payout_attempt_not_negative CHECK ((attempt >= 0)),
  CONSTRAINT payout_end_time_iff_ended CHECK (((end_time IS NOT NULL) = (state = ANY (ARRAY['settled'::text, 'refused'::text])))),
  CONSTRAINT payout_id_positive CHECK ((id > 0)),
  CONSTRAINT payout_key_size CHECK ((octet_length(rail_key) = 32)),
  CONSTRAINT payout_state_known CHECK ((state = ANY (ARRAY['waiting'::text, 'sending'::text, 'unknown'::text, 'sent'::text, 'settled'::text, 'refused'::text])))
);
CREATE INDEX payout_by_account ON payout USING btree (account_id, id);
CREATE INDEX payout_open ON payout USING btree (id) WHERE (state <> ALL (ARRAY['settled'::text, 'refused'::text]));
CREATE UNIQUE INDEX payout_key_unique ON payout USING btree (rail_key);
CREATE UNIQUE INDEX payout_request_unique ON payout USING btree (account_id, request_id) WHERE (request_id <> ''::text);
CREATE TRIGGER payout_immutable_rows BEFORE TRUNCATE ON payout FOR EACH STATEMENT EXECUTE FUNCTION refuse_payout_change();
CREATE TRIGGER payout_immutable_terms BEFORE DELETE OR UPDATE ON payout FOR EACH ROW EXECUTE FUNCTION refuse_payout_change();

CREATE TABLE pool_clock (
  id bigint NOT NULL,
  time timestamp with time zone NOT NULL,
  maintenance_since timestamp with time zone,
  away_since timestamp with time zone,
  away_until timestamp with time zone,
  away_kind text,
  away_done_to bigint,
  CONSTRAINT pool_clock_pkey PRIMARY KEY (id),
  CONSTRAINT pool_clock_away_kind_known CHECK ((away_kind = ANY (ARRAY['task'::text, 'lease'::text, 'trial'::text, 'audit'::text, 'session'::text, 'account'::text]))),
  CONSTRAINT pool_clock_single CHECK ((id = 1))
) WITH (fillfactor=10);

CREATE TABLE pool_head (
  id bigint NOT NULL,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  CONSTRAINT pool_head_pkey PRIMARY KEY (id),
  CONSTRAINT pool_head_not_negative CHECK (((epoch >= 0) AND (sequence >= 0))),
  CONSTRAINT pool_head_single CHECK ((id = 1))
) WITH (fillfactor=10);
COMMENT ON COLUMN pool_head.epoch IS 'the writer''s generation';

CREATE TABLE pool_identity (
  id bigint NOT NULL,
  secret_fingerprint bytea NOT NULL,
  CONSTRAINT pool_identity_pkey PRIMARY KEY (id),
  CONSTRAINT pool_identity_fingerprint_size CHECK ((octet_length(secret_fingerprint) = 32)),
  CONSTRAINT pool_identity_single CHECK ((id = 1))
);

CREATE TABLE pool_restore (
  number bigint NOT NULL,
  backup text NOT NULL,
  snapshot_time timestamp with time zone NOT NULL,
  restore_time timestamp with time zone NOT NULL,
  payouts_time timestamp with time zone,
  CONSTRAINT pool_restore_pkey PRIMARY KEY (number),
  CONSTRAINT pool_restore_number_positive CHECK ((number > 0))
);

CREATE TABLE ranking (
  task_id bigint NOT NULL,
  basis bigint,
  candidates bytea NOT NULL,
  verdicts_seen bigint,
  CONSTRAINT ranking_pkey PRIMARY KEY (task_id),
  CONSTRAINT ranking_task_fkey FOREIGN KEY (task_id) REFERENCES task(id),
  CONSTRAINT ranking_verdicts_seen_filled CHECK ((num_nonnulls(verdicts_seen, basis) = 1))
);
COMMENT ON COLUMN ranking.basis IS 'retired: see verdicts_seen';

CREATE TABLE receipt (
  id bigint NOT NULL,
  account_id bigint NOT NULL,
  content bytea NOT NULL,
  CONSTRAINT receipt_pkey PRIMARY KEY (id),
  CONSTRAINT receipt_account_not_negative CHECK ((account_id >= 0)),
  CONSTRAINT receipt_content_not_empty CHECK ((octet_length(content) > 0)),
  CONSTRAINT receipt_id_positive CHECK ((id > 0))
);
CREATE INDEX receipt_by_account ON receipt USING btree (account_id, id);
CREATE TRIGGER receipt_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON receipt FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON COLUMN receipt.account_id IS 'whose book; 0 is the pool''s own';

CREATE TABLE receipt_epoch (
  number bigint NOT NULL,
  last_receipt_id bigint NOT NULL,
  content bytea NOT NULL,
  signature bytea NOT NULL,
  CONSTRAINT receipt_epoch_pkey PRIMARY KEY (number),
  CONSTRAINT receipt_epoch_number_positive CHECK ((number > 0)),
  CONSTRAINT receipt_epoch_signature_size CHECK ((octet_length(signature) = 64))
);
CREATE TRIGGER receipt_epoch_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON receipt_epoch FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE receipt_statement (
  account_id bigint NOT NULL,
  count bigint NOT NULL,
  balance bigint NOT NULL,
  peaks bytea NOT NULL,
  CONSTRAINT receipt_statement_pkey PRIMARY KEY (account_id),
  CONSTRAINT receipt_statement_counts_not_negative CHECK (((account_id >= 0) AND (count >= 0)))
) WITH (fillfactor=70);
COMMENT ON COLUMN receipt_statement.account_id IS 'as receipt.account_id';

CREATE TABLE schema_migration (
  version bigint NOT NULL,
  file_name text NOT NULL,
  checksum text NOT NULL,
  apply_time timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT schema_migration_pkey PRIMARY KEY (version)
);

CREATE TABLE session (
  id bigint NOT NULL,
  account_id bigint NOT NULL,
  worker_name text NOT NULL,
  threads bigint NOT NULL,
  hardware_class text,
  state text NOT NULL,
  create_time timestamp with time zone NOT NULL,
  pace_count bigint DEFAULT 0 NOT NULL,
  pace_sum_permille bigint DEFAULT 0 NOT NULL,
  pace_sum_of_squares bigint DEFAULT 0 NOT NULL,
  leases_completed bigint DEFAULT 0 NOT NULL,
  leases_lost bigint DEFAULT 0 NOT NULL,
  lease_time_ns bigint DEFAULT 0 NOT NULL,
  last_commit_time timestamp with time zone,
  public_key bytea,
  arithmetic text,
  CONSTRAINT session_pkey PRIMARY KEY (id),
  CONSTRAINT session_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT session_arithmetic_filled CHECK ((num_nonnulls(arithmetic, hardware_class) = 1)),
  CONSTRAINT session_id_positive CHECK ((id > 0)),
  CONSTRAINT session_key_size CHECK ((octet_length(public_key) = 32)),
  CONSTRAINT session_state_known CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text]))),
  CONSTRAINT session_threads_positive CHECK ((threads > 0))
);
CREATE UNIQUE INDEX session_open_unique ON session USING btree (account_id, worker_name) WHERE (state = 'open'::text);
COMMENT ON COLUMN session.hardware_class IS 'retired: see arithmetic';

CREATE TABLE storage_use (
  account_id bigint NOT NULL,
  file_bytes bigint NOT NULL,
  weight_bytes bigint NOT NULL,
  CONSTRAINT storage_use_pkey PRIMARY KEY (account_id),
  CONSTRAINT storage_use_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT storage_use_not_negative CHECK (((file_bytes >= 0) AND (weight_bytes >= 0)))
) WITH (fillfactor=70);

CREATE TABLE stored_file (
  account_id bigint NOT NULL,
  digest bytea NOT NULL,
  size_bytes bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  cut_time timestamp with time zone,
  CONSTRAINT stored_file_pkey PRIMARY KEY (account_id, digest),
  CONSTRAINT stored_file_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT stored_file_digest_size CHECK ((octet_length(digest) = 32)),
  CONSTRAINT stored_file_size_positive CHECK ((size_bytes > 0))
);
CREATE INDEX stored_file_by_digest ON stored_file USING btree (digest);
COMMENT ON COLUMN stored_file.cut_time IS 'when splits were last cut from it; NULL: never, or nobody noted it';

CREATE TABLE stored_weights (
  trial_id bigint NOT NULL,
  account_id bigint NOT NULL,
  digest bytea NOT NULL,
  size_bytes bigint NOT NULL,
  CONSTRAINT stored_weights_pkey PRIMARY KEY (trial_id),
  CONSTRAINT stored_weights_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT stored_weights_trial_fkey FOREIGN KEY (trial_id) REFERENCES trial(id),
  CONSTRAINT stored_weights_digest_size CHECK ((octet_length(digest) = 32)),
  CONSTRAINT stored_weights_size_positive CHECK ((size_bytes > 0))
);
CREATE INDEX stored_weights_by_digest ON stored_weights USING btree (digest);

CREATE TABLE subspace (
  id bigint NOT NULL,
  task_id bigint NOT NULL,
  allowed bigint[] NOT NULL,
  state text NOT NULL,
  attempt bigint NOT NULL,
  parent_id bigint,
  split_dimension bigint DEFAULT 0 NOT NULL,
  split_choices bigint DEFAULT 0 NOT NULL,
  prior_ppm bigint DEFAULT 0 NOT NULL,
  prune_reason text DEFAULT ''::text,
  CONSTRAINT subspace_pkey PRIMARY KEY (id),
  CONSTRAINT subspace_parent_fkey FOREIGN KEY (parent_id) REFERENCES subspace(id),
  CONSTRAINT subspace_task_fkey FOREIGN KEY (task_id) REFERENCES task(id),
  CONSTRAINT subspace_attempt_not_negative CHECK ((attempt >= 0)),
  CONSTRAINT subspace_id_positive CHECK ((id > 0)),
  CONSTRAINT subspace_reason_iff_pruned CHECK (((COALESCE(prune_reason, ''::text) <> ''::text) = (state = 'pruned'::text))),
  CONSTRAINT subspace_state_known CHECK ((state = ANY (ARRAY['open'::text, 'leased'::text, 'completed'::text, 'pruned'::text])))
) WITH (fillfactor=70);
CREATE INDEX subspace_by_task ON subspace USING btree (task_id, id);

CREATE TABLE task (
  id bigint NOT NULL,
  client_id bigint NOT NULL,
  request_id text NOT NULL,
  spec bytea NOT NULL,
  name text NOT NULL,
  dataset_id bytea NOT NULL,
  reward bigint NOT NULL,
  secret bytea NOT NULL,
  cost_table_version bigint NOT NULL,
  state text NOT NULL,
  end_reason text,
  create_time timestamp with time zone NOT NULL,
  deadline timestamp with time zone NOT NULL,
  end_time timestamp with time zone,
  fee_pot bigint NOT NULL,
  bonus_pot bigint NOT NULL,
  work_pot bigint NOT NULL,
  fee bigint NOT NULL,
  refund bigint NOT NULL,
  reward_rule text DEFAULT 'proportional'::text NOT NULL,
  time_away_ns bigint DEFAULT 0 NOT NULL,
  CONSTRAINT task_pkey PRIMARY KEY (id),
  CONSTRAINT task_request_unique UNIQUE (client_id, request_id),
  CONSTRAINT task_client_fkey FOREIGN KEY (client_id) REFERENCES account(id),
  CONSTRAINT task_dataset_fkey FOREIGN KEY (dataset_id) REFERENCES dataset(id),
  CONSTRAINT task_amounts_not_negative CHECK (((fee_pot >= 0) AND (bonus_pot >= 0) AND (work_pot >= 0) AND (fee >= 0) AND (refund >= 0))),
  CONSTRAINT task_end_reason_iff_not_active CHECK (((COALESCE(end_reason, 'none'::text) = 'none'::text) = (state = 'active'::text))),
  CONSTRAINT task_end_reason_known CHECK ((end_reason = ANY (ARRAY['none'::text, 'budget'::text, 'target'::text, 'time_limit'::text, 'exhausted'::text, 'cancelled'::text, 'nothing_learns'::text]))),
  CONSTRAINT task_end_time_iff_ended CHECK (((end_time IS NOT NULL) = (state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])))),
  CONSTRAINT task_id_positive CHECK ((id > 0)),
  CONSTRAINT task_pots_are_the_reward CHECK ((((fee_pot + bonus_pot) + work_pot) = reward)),
  CONSTRAINT task_reward_rule_known CHECK ((reward_rule = ANY (ARRAY['proportional'::text, 'pplns'::text]))),
  CONSTRAINT task_secret_size CHECK ((octet_length(secret) = 32)),
  CONSTRAINT task_settled_iff_ended CHECK ((((fee = 0) AND (refund = 0)) OR (state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])))),
  CONSTRAINT task_settled_within_reward CHECK (((fee + refund) <= reward)),
  CONSTRAINT task_state_known CHECK ((state = ANY (ARRAY['active'::text, 'finishing'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text]))),
  CONSTRAINT task_time_away_not_negative CHECK ((time_away_ns >= 0))
);
CREATE INDEX task_by_client ON task USING btree (client_id, id);
CREATE INDEX task_by_dataset ON task USING btree (dataset_id, id);
CREATE INDEX task_open ON task USING btree (id) WHERE (state <> ALL (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text]));

CREATE TABLE task_summary (
  task_id bigint NOT NULL,
  subspaces bigint NOT NULL,
  subspaces_explored bigint NOT NULL,
  trials_known bigint NOT NULL,
  trials_assigned bigint NOT NULL,
  trials_pending bigint NOT NULL,
  trials_accepted bigint NOT NULL,
  trials_at_chance bigint NOT NULL,
  trials_diverged bigint NOT NULL,
  trials_rejected bigint NOT NULL,
  trials_abandoned bigint NOT NULL,
  trials_redundant bigint NOT NULL,
  rejected_by_reason text[] NOT NULL,
  work_units_accepted bigint NOT NULL,
  training_time_ns bigint NOT NULL,
  audit_time_ns bigint NOT NULL,
  shares bigint[] NOT NULL,
  front bigint[] NOT NULL,
  best_accuracy_ppm bigint,
  CONSTRAINT task_summary_pkey PRIMARY KEY (task_id),
  CONSTRAINT task_summary_task_fkey FOREIGN KEY (task_id) REFERENCES task(id),
  CONSTRAINT task_summary_best_iff_front CHECK (((best_accuracy_ppm IS NULL) = (cardinality(front) = 0))),
  CONSTRAINT task_summary_counts_not_negative CHECK (((trials_accepted >= 0) AND (trials_rejected >= 0) AND (work_units_accepted >= 0)))
);
COMMENT ON COLUMN task_summary.rejected_by_reason IS 'reasons and counts by turns';
COMMENT ON COLUMN task_summary.shares IS 'by turns: account, trials accepted and rejected, work units, payout, trials audited, work units matured, chance of detection in millionths';
COMMENT ON COLUMN task_summary.front IS 'trials by multiply-accumulates; the last is the best';

CREATE TABLE transfer (
  id bigint NOT NULL,
  debit_kind text NOT NULL,
  debit_id bigint NOT NULL,
  credit_kind text NOT NULL,
  credit_id bigint NOT NULL,
  amount bigint NOT NULL,
  kind text NOT NULL,
  task_id bigint,
  request_id text,
  create_time timestamp with time zone NOT NULL,
  payout_id bigint,
  CONSTRAINT transfer_pkey PRIMARY KEY (id),
  CONSTRAINT transfer_payout_fkey FOREIGN KEY (payout_id) REFERENCES payout(id),
  CONSTRAINT transfer_task_fkey FOREIGN KEY (task_id) REFERENCES task(id),
  CONSTRAINT transfer_amount_positive CHECK ((amount > 0)),
  CONSTRAINT transfer_id_positive CHECK ((id > 0)),
  CONSTRAINT transfer_kind_known CHECK ((kind = ANY (ARRAY['deposit'::text, 'escrow'::text, 'pay'::text, 'finders_bonus'::text, 'fee'::text, 'refund'::text, 'share'::text, 'payout'::text, 'settle'::text, 'return'::text]))),
  CONSTRAINT transfer_payout_iff_of_one CHECK (((payout_id IS NOT NULL) = (kind = ANY (ARRAY['payout'::text, 'settle'::text, 'return'::text])))),
  CONSTRAINT transfer_places_differ CHECK (((debit_kind <> credit_kind) OR (debit_id <> credit_id))),
  CONSTRAINT transfer_places_known CHECK (((((debit_kind = ANY (ARRAY['outside'::text, 'fees'::text, 'payouts'::text])) AND (debit_id = 0)) OR ((debit_kind = ANY (ARRAY['account'::text, 'escrow'::text])) AND (debit_id > 0))) AND (((credit_kind = ANY (ARRAY['outside'::text, 'fees'::text, 'payouts'::text])) AND (credit_id = 0)) OR ((credit_kind = ANY (ARRAY['account'::text, 'escrow'::text])) AND (credit_id > 0))))),
  CONSTRAINT transfer_request_only_of_deposit CHECK (((request_id = ''::text) OR (kind = 'deposit'::text)))
);
CREATE INDEX transfer_by_credit ON transfer USING btree (credit_kind, credit_id, id);
CREATE INDEX transfer_by_debit ON transfer USING btree (debit_kind, debit_id, id);
CREATE INDEX transfer_by_task ON transfer USING btree (task_id, id);
CREATE UNIQUE INDEX transfer_payout_ends_once ON transfer USING btree (payout_id) WHERE (kind = ANY (ARRAY['settle'::text, 'return'::text]));
CREATE UNIQUE INDEX transfer_payout_once ON transfer USING btree (payout_id) WHERE (kind = 'payout'::text);
CREATE UNIQUE INDEX transfer_request_unique ON transfer USING btree (request_id) WHERE (request_id <> ''::text);
CREATE TRIGGER transfer_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON transfer FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON COLUMN transfer.debit_id IS 'as balance.place_id';
COMMENT ON COLUMN transfer.credit_id IS 'as balance.place_id';

CREATE TABLE trial (
  id bigint NOT NULL,
  task_id bigint NOT NULL,
  subspace_id bigint NOT NULL,
  lease_id bigint NOT NULL,
  account_id bigint NOT NULL,
  architecture bytea NOT NULL,
  architecture_id bytea NOT NULL,
  parameters bigint NOT NULL,
  macs bigint NOT NULL,
  work_units bigint NOT NULL,
  state text NOT NULL,
  create_time timestamp with time zone NOT NULL,
  weights_digest bytea,
  weights_size_bytes bigint,
  claimed_correct bigint,
  train_time_ns bigint,
  upload_deadline timestamp with time zone,
  measured_correct bigint,
  held_out_correct bigint,
  verified_accuracy_ppm bigint,
  reason text,
  pay bigint NOT NULL,
  finders_bonus bigint NOT NULL,
  commit_time timestamp with time zone,
  rung bigint DEFAULT 0 NOT NULL,
  resumes_trial_id bigint,
  known_from_trial_id bigint,
  checkpoint_root bytea,
  signature bytea,
  session_id bigint,
  hardware_class text DEFAULT ''::text,
  draw_ppm bigint DEFAULT 0,
  basis text DEFAULT 'none'::text,
  is_matured bigint DEFAULT 0,
  audit_time_ns bigint DEFAULT 0 NOT NULL,
  is_at_chance bigint DEFAULT 0,
  segments bigint DEFAULT 0 NOT NULL,
  is_barred bigint DEFAULT 0,
  diverged_at_step bigint,
  matured boolean,
  at_chance boolean,
  barred boolean,
  arithmetic text,
  CONSTRAINT trial_pkey PRIMARY KEY (id),
  CONSTRAINT trial_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT trial_known_from_fkey FOREIGN KEY (known_from_trial_id) REFERENCES trial(id),
  CONSTRAINT trial_lease_fkey FOREIGN KEY (lease_id) REFERENCES lease(id),
  CONSTRAINT trial_resumes_fkey FOREIGN KEY (resumes_trial_id) REFERENCES trial(id),
  CONSTRAINT trial_session_fkey FOREIGN KEY (session_id) REFERENCES session(id),
  CONSTRAINT trial_subspace_fkey FOREIGN KEY (subspace_id) REFERENCES subspace(id),
  CONSTRAINT trial_task_fkey FOREIGN KEY (task_id) REFERENCES task(id),
  CONSTRAINT trial_accuracy_range CHECK (((verified_accuracy_ppm >= 0) AND (verified_accuracy_ppm <= 1000000))),
  CONSTRAINT trial_basis_iff_accepted CHECK (((COALESCE(basis, 'none'::text) <> 'none'::text) = (state = 'accepted'::text))),
  CONSTRAINT trial_basis_known CHECK ((basis = ANY (ARRAY['none'::text, 'sampled_out'::text, 'unverified'::text, 'audited'::text, 'replayed'::text]))),
  CONSTRAINT trial_digest_sizes CHECK (((octet_length(architecture_id) = 32) AND (octet_length(weights_digest) = 32))),
  CONSTRAINT trial_diverged_at_step_not_negative CHECK ((diverged_at_step >= 0)),
  CONSTRAINT trial_id_positive CHECK ((id > 0)),
  CONSTRAINT trial_known_is_not_paid CHECK (((known_from_trial_id IS NULL) OR ((state = 'accepted'::text) AND (pay = 0) AND (finders_bonus = 0)))),
  CONSTRAINT trial_marks_filled CHECK (((num_nonnulls(matured, is_matured) = 1) AND (num_nonnulls(at_chance, is_at_chance) = 1) AND (num_nonnulls(barred, is_barred) = 1) AND (is_matured = ANY (ARRAY[(0)::bigint, (1)::bigint])) AND (is_at_chance = ANY (ARRAY[(0)::bigint, (1)::bigint])) AND (is_barred = ANY (ARRAY[(0)::bigint, (1)::bigint])))),
  CONSTRAINT trial_pay_not_negative CHECK (((pay >= 0) AND (finders_bonus >= 0))),
  CONSTRAINT trial_pay_only_with_verdict CHECK (((state = ANY (ARRAY['accepted'::text, 'rejected'::text])) OR ((pay = 0) AND (finders_bonus = 0)))),
  CONSTRAINT trial_proof_sizes CHECK (((octet_length(checkpoint_root) = 32) AND (octet_length(signature) = 64))),
  CONSTRAINT trial_reason_iff_rejected CHECK (((state = 'abandoned'::text) OR ((COALESCE(reason, ''::text) <> ''::text) = (state = 'rejected'::text)))),
  CONSTRAINT trial_rung CHECK (((rung >= 0) AND ((resumes_trial_id IS NULL) OR (rung > 0)))),
  CONSTRAINT trial_sizes_not_negative CHECK (((parameters >= 0) AND (macs >= 0) AND (work_units >= 0) AND (weights_size_bytes >= 0) AND (train_time_ns >= 0))),
  CONSTRAINT trial_state_known CHECK ((state = ANY (ARRAY['assigned'::text, 'committed'::text, 'uploaded'::text, 'accepted'::text, 'rejected'::text, 'abandoned'::text]))),
  CONSTRAINT trial_upload_deadline_while_committed CHECK (((state <> 'committed'::text) OR (upload_deadline IS NOT NULL))),
  CONSTRAINT trial_weights_iff_committed CHECK (((weights_digest IS NULL) = (state = ANY (ARRAY['assigned'::text, 'abandoned'::text]))))
) WITH (fillfactor=70);
CREATE INDEX trial_by_account_and_time ON trial USING btree (account_id, create_time);
CREATE INDEX trial_by_task ON trial USING btree (task_id, id);
CREATE INDEX trial_by_weights ON trial USING btree (weights_digest) WHERE (weights_digest IS NOT NULL);
COMMENT ON COLUMN trial.hardware_class IS 'retired: see arithmetic';
COMMENT ON COLUMN trial.is_matured IS 'retired: see matured';
COMMENT ON COLUMN trial.is_at_chance IS 'retired: see at_chance';
COMMENT ON COLUMN trial.segments IS 'retired by V017';
COMMENT ON COLUMN trial.is_barred IS 'retired: see barred';

CREATE TABLE verifier (
  account_id bigint NOT NULL,
  name text NOT NULL,
  agreed bigint NOT NULL,
  outvoted bigint NOT NULL,
  planted_passed bigint NOT NULL,
  planted_failed bigint NOT NULL,
  planted_owed bigint NOT NULL,
  CONSTRAINT verifier_pkey PRIMARY KEY (account_id, name),
  CONSTRAINT verifier_account_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT verifier_counts_not_negative CHECK (((agreed >= 0) AND (outvoted >= 0) AND (planted_passed >= 0) AND (planted_failed >= 0) AND (planted_owed >= 0)))
);

CREATE OR REPLACE FUNCTION refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'integrity_constraint_violation';
END $function$
;

CREATE OR REPLACE FUNCTION refuse_payout_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION 'payout: TRUNCATE refused'
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'payout_immutable_rows';
  END IF;
  IF TG_OP = 'DELETE' OR OLD.end_time IS NOT NULL AND NEW IS DISTINCT FROM OLD
      OR (NEW.account_id, NEW.amount, NEW.address, NEW.rail_key)
      IS DISTINCT FROM (OLD.account_id, OLD.amount, OLD.address, OLD.rail_key)
  THEN
    RAISE EXCEPTION 'payout %: % refused', OLD.id, TG_OP
      USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'payout_immutable_terms';
  END IF;
  RETURN NEW;
END $function$
;
