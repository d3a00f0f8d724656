-- The pool's time: how far it has come, so that the time in which no server ran
-- is seen at the next start and added to what was to be done by then.

CREATE TABLE pool_clock (
  id bigint CONSTRAINT pool_clock_pkey PRIMARY KEY,
  time timestamptz NOT NULL,
  -- Since when an operator has had the pool in maintenance.
  maintenance_since timestamptz,
  CONSTRAINT pool_clock_single CHECK (id = 1)
) WITH (fillfactor = 10);

-- Of a pool that is there already: the last that is known to have happened.
INSERT INTO pool_clock (id, time)
  SELECT 1, last FROM (
    SELECT greatest(
      (SELECT max(create_time) FROM lease),
      (SELECT max(commit_time) FROM trial),
      (SELECT max(create_time) FROM transfer),
      (SELECT max(create_time) FROM session)) AS last) AS known
  WHERE last IS NOT NULL;

-- What is added to the deadline that was promised.
ALTER TABLE task
  ADD COLUMN time_away_ns bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT task_time_away_not_negative CHECK (time_away_ns >= 0);

-- What the pool's own refusals of files added to the time for an answer.
ALTER TABLE audit
  ADD COLUMN refused_time_ns bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT audit_refused_time_not_negative CHECK (refused_time_ns >= 0);
