-- Multi-fidelity trials: how far a trial trains its network, and the trial of the
-- rung below whose weights it goes on from. Results that a client bought in an
-- earlier task: that trial. A server of the version before inserts none of them.

ALTER TABLE trial
  ADD COLUMN rung bigint NOT NULL DEFAULT 0,
  ADD COLUMN resumes_trial_id bigint,
  ADD COLUMN known_from_trial_id bigint,
  ADD CONSTRAINT trial_rung
    CHECK (rung >= 0 AND (resumes_trial_id IS NULL OR rung > 0)),
  ADD CONSTRAINT trial_known_is_not_paid
    CHECK (known_from_trial_id IS NULL
           OR (state = 'accepted' AND pay = 0 AND finders_bonus = 0));

CREATE INDEX task_by_dataset ON task (dataset_id, id);
