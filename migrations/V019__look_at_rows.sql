-- Looks at the rows that V018 left alone. Validation lets writers go on; it is
-- in a transaction of its own so that no lock of V018 is held meanwhile.

ALTER TABLE account VALIDATE CONSTRAINT account_shows_name_filled;
ALTER TABLE lease
  VALIDATE CONSTRAINT lease_has_high_reward_filled,
  VALIDATE CONSTRAINT lease_primary_fkey;
ALTER TABLE task VALIDATE CONSTRAINT task_end_reason_iff_not_active;
ALTER TABLE subspace
  VALIDATE CONSTRAINT subspace_reason_iff_pruned,
  VALIDATE CONSTRAINT subspace_parent_fkey;
ALTER TABLE trial
  VALIDATE CONSTRAINT trial_marks_filled,
  VALIDATE CONSTRAINT trial_basis_iff_accepted,
  VALIDATE CONSTRAINT trial_reason_iff_rejected,
  VALIDATE CONSTRAINT trial_task_fkey,
  VALIDATE CONSTRAINT trial_subspace_fkey,
  VALIDATE CONSTRAINT trial_account_fkey,
  VALIDATE CONSTRAINT trial_session_fkey,
  VALIDATE CONSTRAINT trial_resumes_fkey,
  VALIDATE CONSTRAINT trial_known_from_fkey;
ALTER TABLE audit
  VALIDATE CONSTRAINT audit_marks_filled,
  VALIDATE CONSTRAINT audit_task_fkey;
ALTER TABLE session VALIDATE CONSTRAINT session_arithmetic_filled;
ALTER TABLE ranking VALIDATE CONSTRAINT ranking_verdicts_seen_filled;
