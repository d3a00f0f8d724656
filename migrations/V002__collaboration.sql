-- Boxes that split, leases with backups, what the pool has seen of miners, and
-- the rankings of search policies.

ALTER TABLE account
  ADD COLUMN pace_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN pace_sum_permille bigint NOT NULL DEFAULT 0,
  ADD COLUMN pace_sum_of_squares bigint NOT NULL DEFAULT 0,
  ADD COLUMN leases_completed bigint NOT NULL DEFAULT 0,
  ADD COLUMN leases_lost bigint NOT NULL DEFAULT 0,
  ADD COLUMN lease_time_ns bigint NOT NULL DEFAULT 0,
  ADD COLUMN last_commit_time timestamptz,
  ADD COLUMN accuracy_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN accuracy_sum_ppm bigint NOT NULL DEFAULT 0,
  ADD COLUMN accuracy_sum_of_squares bigint NOT NULL DEFAULT 0;

ALTER TABLE session
  ADD COLUMN pace_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN pace_sum_permille bigint NOT NULL DEFAULT 0,
  ADD COLUMN pace_sum_of_squares bigint NOT NULL DEFAULT 0,
  ADD COLUMN leases_completed bigint NOT NULL DEFAULT 0,
  ADD COLUMN leases_lost bigint NOT NULL DEFAULT 0,
  ADD COLUMN lease_time_ns bigint NOT NULL DEFAULT 0,
  ADD COLUMN last_commit_time timestamptz;

ALTER TABLE subspace
  -- NULL: of the task's first partition.
  ADD COLUMN parent_id bigint,
  ADD COLUMN split_dimension bigint NOT NULL DEFAULT 0,
  -- The set of choices it took, as 64 bits.
  ADD COLUMN split_choices bigint NOT NULL DEFAULT 0,
  ADD COLUMN prior_ppm bigint NOT NULL DEFAULT 0,
  ADD COLUMN prune_reason text NOT NULL DEFAULT '',
  DROP CONSTRAINT subspace_state_known,
  ADD CONSTRAINT subspace_state_known
    CHECK (state IN ('open', 'leased', 'completed', 'pruned')),
  ADD CONSTRAINT subspace_reason_iff_pruned
    CHECK ((prune_reason <> '') = (state = 'pruned'));

ALTER TABLE lease
  ADD COLUMN trials_target bigint NOT NULL DEFAULT 0,
  -- Leases from before had no deadline: theirs is long past.
  ADD COLUMN deadline timestamptz NOT NULL DEFAULT 'epoch',
  ADD COLUMN high_reward bigint NOT NULL DEFAULT 0,
  -- Of a backup: the lease it stands by for.
  ADD COLUMN primary_id bigint,
  ADD COLUMN backups_wanted bigint NOT NULL DEFAULT 0,
  ADD COLUMN backup_reason text NOT NULL DEFAULT 'none',
  ADD COLUMN miss_ppm bigint NOT NULL DEFAULT 0,
  ADD COLUMN check_time timestamptz,
  ADD CONSTRAINT lease_backup_reason_known
    CHECK (backup_reason IN ('none', 'silent', 'slow', 'unproven')),
  ADD CONSTRAINT lease_primary_iff_backup
    CHECK ((primary_id IS NOT NULL) = (role = 'backup'));

ALTER TABLE trial
  ADD COLUMN commit_time timestamptz,
  DROP CONSTRAINT trial_reason_iff_rejected,
  -- An abandoned trial may say that another was quicker.
  ADD CONSTRAINT trial_reason_iff_rejected CHECK (
    state = 'abandoned' OR (reason <> '') = (state = 'rejected'));

CREATE TABLE ranking (
  task_id bigint CONSTRAINT ranking_pkey PRIMARY KEY
    CONSTRAINT ranking_task_fkey REFERENCES task (id),
  basis bigint NOT NULL,
  -- One byte per dimension, candidate after candidate.
  candidates bytea NOT NULL
);
