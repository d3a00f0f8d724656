-- Proven work is paid, whatever it learnt: results no better than chance are
-- accepted, and marked. A training that diverged ends where it did.

ALTER TABLE trial
  ADD COLUMN is_at_chance bigint NOT NULL DEFAULT 0,
  -- Segments that were trained; 0: all of the recipe's.
  ADD COLUMN segments bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT trial_segments_not_negative CHECK (segments >= 0);

ALTER TABLE account
  -- Claims in a row that a full evaluation found far too low.
  ADD COLUMN claims_too_low bigint NOT NULL DEFAULT 0;

ALTER TABLE task
  DROP CONSTRAINT task_end_reason_known,
  ADD CONSTRAINT task_end_reason_known CHECK (end_reason IN (
    'none', 'budget', 'target', 'time_limit', 'exhausted', 'cancelled',
    'nothing_learns'));
