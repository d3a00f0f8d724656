-- Truth values are boolean, names say what a column holds, what is unset is
-- NULL, every reference is a foreign key, and each read has an index.
--
-- A server from before may be running when this is done. So nothing that it
-- writes is dropped, renamed or given another type: the new column stands
-- beside the old one, and each row fills exactly one of the two. Servers from
-- before fill the old one; servers from now on write the new one and NULL to
-- the old one, and read whichever is filled. docs/adr/0033-grow-then-shrink.md
-- says when the old ones go.
--
-- Whatever would have to look at every row under a lock that stops writers is
-- NOT VALID here, and V019 looks at the rows.

-- Booleans.
ALTER TABLE account
  ADD COLUMN shows_name boolean,
  ALTER COLUMN is_public DROP NOT NULL,
  ADD CONSTRAINT account_shows_name_filled
    CHECK (num_nonnulls(shows_name, is_public) = 1) NOT VALID;
ALTER TABLE lease
  ADD COLUMN has_high_reward boolean,
  ALTER COLUMN high_reward DROP NOT NULL,
  ADD CONSTRAINT lease_has_high_reward_filled CHECK (
    num_nonnulls(has_high_reward, high_reward) = 1
    AND high_reward IN (0, 1)) NOT VALID;
ALTER TABLE trial
  ADD COLUMN matured boolean,
  ADD COLUMN at_chance boolean,
  ADD COLUMN barred boolean,
  ALTER COLUMN is_matured DROP NOT NULL,
  ALTER COLUMN is_at_chance DROP NOT NULL,
  ALTER COLUMN is_barred DROP NOT NULL,
  ADD CONSTRAINT trial_marks_filled CHECK (
    num_nonnulls(matured, is_matured) = 1
    AND num_nonnulls(at_chance, is_at_chance) = 1
    AND num_nonnulls(barred, is_barred) = 1
    AND is_matured IN (0, 1) AND is_at_chance IN (0, 1)
    AND is_barred IN (0, 1)) NOT VALID;
ALTER TABLE audit
  ADD COLUMN measures_whole_splits boolean,
  ADD COLUMN planted boolean,
  ALTER COLUMN measures_all DROP NOT NULL,
  ALTER COLUMN is_planted DROP NOT NULL,
  ADD CONSTRAINT audit_marks_filled CHECK (
    num_nonnulls(measures_whole_splits, measures_all) = 1
    AND num_nonnulls(planted, is_planted) = 1
    AND measures_all IN (0, 1)) NOT VALID;

-- Names. What is in them is the name of an arithmetic; and a ranking's basis
-- was no trial's basis, but how many verdicts it was made from.
ALTER TABLE session
  ADD COLUMN arithmetic text,
  ALTER COLUMN hardware_class DROP NOT NULL,
  ADD CONSTRAINT session_arithmetic_filled
    CHECK (num_nonnulls(arithmetic, hardware_class) = 1) NOT VALID;
ALTER TABLE trial
  ADD COLUMN arithmetic text,
  ALTER COLUMN hardware_class DROP NOT NULL;
ALTER TABLE ranking
  ADD COLUMN verdicts_seen bigint,
  ALTER COLUMN basis DROP NOT NULL,
  ADD CONSTRAINT ranking_verdicts_seen_filled
    CHECK (num_nonnulls(verdicts_seen, basis) = 1) NOT VALID;

-- Unset is NULL. Servers from before write '' and 'none', and rows of theirs
-- stay: both mean the same until the old columns go.
ALTER TABLE account
  ALTER COLUMN payout_address DROP NOT NULL;
ALTER TABLE task
  ALTER COLUMN end_reason DROP NOT NULL,
  DROP CONSTRAINT task_end_reason_iff_not_active,
  ADD CONSTRAINT task_end_reason_iff_not_active CHECK (
    (coalesce(end_reason, 'none') = 'none') = (state = 'active')) NOT VALID;
ALTER TABLE subspace
  ALTER COLUMN prune_reason DROP NOT NULL,
  DROP CONSTRAINT subspace_reason_iff_pruned,
  ADD CONSTRAINT subspace_reason_iff_pruned CHECK (
    (coalesce(prune_reason, '') <> '') = (state = 'pruned')) NOT VALID;
ALTER TABLE lease
  ALTER COLUMN backup_reason DROP NOT NULL,
  ALTER COLUMN backups_wanted DROP NOT NULL,
  ALTER COLUMN miss_ppm DROP NOT NULL;
ALTER TABLE trial
  ALTER COLUMN weights_size_bytes DROP NOT NULL,
  ALTER COLUMN train_time_ns DROP NOT NULL,
  ALTER COLUMN draw_ppm DROP NOT NULL,
  ALTER COLUMN basis DROP NOT NULL,
  ALTER COLUMN reason DROP NOT NULL,
  DROP CONSTRAINT trial_basis_iff_accepted,
  ADD CONSTRAINT trial_basis_iff_accepted CHECK (
    (coalesce(basis, 'none') <> 'none') = (state = 'accepted')) NOT VALID,
  DROP CONSTRAINT trial_reason_iff_rejected,
  ADD CONSTRAINT trial_reason_iff_rejected CHECK (
    state = 'abandoned'
    OR (coalesce(reason, '') <> '') = (state = 'rejected')) NOT VALID;
ALTER TABLE audit
  ALTER COLUMN opening DROP NOT NULL,
  ALTER COLUMN verifier_name DROP NOT NULL;
ALTER TABLE payout
  ALTER COLUMN request_id DROP NOT NULL,
  ALTER COLUMN reference DROP NOT NULL,
  ALTER COLUMN reason DROP NOT NULL;
ALTER TABLE transfer
  ALTER COLUMN request_id DROP NOT NULL;

-- References. receipt.account_id has none: 0 is the pool's own book there.
ALTER TABLE subspace
  ADD CONSTRAINT subspace_parent_fkey
    FOREIGN KEY (parent_id) REFERENCES subspace (id) NOT VALID;
ALTER TABLE lease
  ADD CONSTRAINT lease_primary_fkey
    FOREIGN KEY (primary_id) REFERENCES lease (id) NOT VALID;
ALTER TABLE trial
  ADD CONSTRAINT trial_task_fkey
    FOREIGN KEY (task_id) REFERENCES task (id) NOT VALID,
  ADD CONSTRAINT trial_subspace_fkey
    FOREIGN KEY (subspace_id) REFERENCES subspace (id) NOT VALID,
  ADD CONSTRAINT trial_account_fkey
    FOREIGN KEY (account_id) REFERENCES account (id) NOT VALID,
  ADD CONSTRAINT trial_session_fkey
    FOREIGN KEY (session_id) REFERENCES session (id) NOT VALID,
  ADD CONSTRAINT trial_resumes_fkey
    FOREIGN KEY (resumes_trial_id) REFERENCES trial (id) NOT VALID,
  ADD CONSTRAINT trial_known_from_fkey
    FOREIGN KEY (known_from_trial_id) REFERENCES trial (id) NOT VALID;
ALTER TABLE audit
  ADD CONSTRAINT audit_task_fkey
    FOREIGN KEY (task_id) REFERENCES task (id) NOT VALID;

-- What a rail was asked stays as it was asked, and an end is an end: the state
-- moves, so nothing here is append-only.
DROP TRIGGER payout_append_only ON payout;
DROP FUNCTION refuse_payout_change();
CREATE FUNCTION refuse_payout_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
END $$;
CREATE TRIGGER payout_immutable_terms BEFORE UPDATE OR DELETE ON payout
  FOR EACH ROW EXECUTE FUNCTION refuse_payout_change();
CREATE TRIGGER payout_immutable_rows BEFORE TRUNCATE ON payout
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_payout_change();

-- Indexes for what is read (server/storage/postgres/read_plans_test.cc).
-- A start and every list of running tasks: few of many.
CREATE INDEX task_open ON task (id)
  WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX task_by_client ON task (client_id, id);
CREATE INDEX lease_backups ON lease (id) WHERE role = 'backup';
-- An account's trials are asked for since a time, and never by id.
CREATE INDEX trial_by_account_and_time ON trial (account_id, create_time);
DROP INDEX trial_by_account;

-- For whoever looks at a table. What servers from before fill in:
COMMENT ON COLUMN account.is_public IS 'retired: see shows_name';
COMMENT ON COLUMN lease.high_reward IS 'retired: see has_high_reward';
COMMENT ON COLUMN trial.is_matured IS 'retired: see matured';
COMMENT ON COLUMN trial.is_at_chance IS 'retired: see at_chance';
COMMENT ON COLUMN trial.is_barred IS 'retired: see barred';
COMMENT ON COLUMN trial.hardware_class IS 'retired: see arithmetic';
COMMENT ON COLUMN audit.measures_all IS 'retired: see measures_whole_splits';
COMMENT ON COLUMN audit.is_planted IS 'retired: see planted';
COMMENT ON COLUMN session.hardware_class IS 'retired: see arithmetic';
COMMENT ON COLUMN ranking.basis IS 'retired: see verdicts_seen';
COMMENT ON COLUMN trial.segments IS 'retired by V017';
COMMENT ON COLUMN audit.inconclusive_count IS 'retired by V010: looks has them';
COMMENT ON COLUMN audit.refutations IS 'retired by V010: looks has them';
COMMENT ON COLUMN audit.retry_time IS 'retired by V010';
-- What is 0 because it stands in a key, where there is no NULL:
COMMENT ON COLUMN balance.place_id
  IS 'an account or a task; 0 where the kind has no number';
COMMENT ON COLUMN transfer.debit_id IS 'as balance.place_id';
COMMENT ON COLUMN transfer.credit_id IS 'as balance.place_id';
COMMENT ON COLUMN receipt.account_id IS 'whose book; 0 is the pool''s own';
COMMENT ON COLUMN receipt_statement.account_id IS 'as receipt.account_id';
-- What keeps its name, as servers of both versions move it together:
COMMENT ON COLUMN pool_head.epoch IS 'the writer''s generation';
