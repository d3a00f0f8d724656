-- A training that diverges commits to all of its boundaries and names the step
-- that was not done. "segments", which said how many there were, is not written
-- any more, and stays for servers from before.
--
-- session.hardware_class and trial.hardware_class hold the name of the
-- arithmetic that was trained in. They keep their names, because a server from
-- before, which writes them, may still be running when this is done.

ALTER TABLE trial
  ADD COLUMN diverged_at_step bigint,
  DROP CONSTRAINT trial_segments_not_negative,
  ADD CONSTRAINT trial_diverged_at_step_not_negative
    CHECK (diverged_at_step >= 0);
