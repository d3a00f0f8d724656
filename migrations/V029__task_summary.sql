-- What a task came to, written when it ends: lists of ended tasks sum up no
-- trials.

CREATE TABLE task_summary (
  task_id bigint NOT NULL
    CONSTRAINT task_summary_task_fkey REFERENCES task
    CONSTRAINT task_summary_pkey PRIMARY KEY,
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
  CONSTRAINT task_summary_counts_not_negative CHECK (
    trials_accepted >= 0 AND trials_rejected >= 0 AND work_units_accepted >= 0),
  CONSTRAINT task_summary_best_iff_front CHECK (
    (best_accuracy_ppm IS NULL) = (cardinality(front) = 0))
);
COMMENT ON TABLE task_summary IS
  'of tasks that have ended; a server from before it leaves none';
COMMENT ON COLUMN task_summary.rejected_by_reason IS
  'reasons and counts by turns';
COMMENT ON COLUMN task_summary.shares IS
  'by turns: account, trials accepted and rejected, work units, payout, trials audited, work units matured, chance of detection in millionths';
COMMENT ON COLUMN task_summary.front IS
  'trials by multiply-accumulates; the last is the best';

-- Those of the tasks that have ended so far, as their trials add up. Sorting a
-- million trials on the disk would take three times as long.
SET LOCAL work_mem = '32MB';
INSERT INTO task_summary
WITH ended AS (
  SELECT id FROM task WHERE state IN ('succeeded', 'failed', 'cancelled')
),
-- Each trial once, with the old columns where the new ones are empty.
part AS MATERIALIZED (
  SELECT t.id, t.task_id, t.subspace_id, t.account_id, t.architecture_id,
    t.rung, t.macs, t.state, t.reason, t.work_units, t.audit_time_ns,
    t.commit_time, t.verified_accuracy_ppm, t.basis,
    t.known_from_trial_id IS NOT NULL AS known,
    t.pay + t.finders_bonus AS payout,
    CASE WHEN t.weights_digest IS NOT NULL
      THEN coalesce(t.train_time_ns, 0) ELSE 0 END AS train_time_ns,
    CASE WHEN t.weights_digest IS NOT NULL
      THEN coalesce(t.draw_ppm, 0) ELSE 0 END AS draw_ppm,
    t.weights_digest IS NOT NULL AND t.diverged_at_step IS NOT NULL AS diverged,
    coalesce(t.at_chance, t.is_at_chance <> 0) AS at_chance,
    coalesce(t.matured, t.is_matured <> 0) AS matured,
    coalesce(t.barred, t.is_barred <> 0) AS barred
  FROM trial t JOIN ended ON ended.id = t.task_id
),
sums AS (
  SELECT task_id,
    count(*) FILTER (WHERE known) AS known,
    count(*) FILTER (WHERE NOT known AND state = 'assigned') AS assigned,
    count(*) FILTER (WHERE NOT known AND state IN ('committed', 'uploaded'))
      AS pending,
    count(*) FILTER (WHERE NOT known AND state = 'accepted') AS accepted,
    count(*) FILTER (WHERE NOT known AND state = 'accepted' AND at_chance)
      AS at_chance,
    count(*) FILTER (WHERE NOT known AND state = 'accepted' AND diverged)
      AS diverged,
    count(*) FILTER (WHERE NOT known AND state = 'rejected') AS rejected,
    count(*) FILTER (WHERE NOT known AND state = 'abandoned') AS abandoned,
    sum(work_units) FILTER (WHERE NOT known AND state = 'accepted') AS units,
    sum(train_time_ns) FILTER (WHERE NOT known) AS training_time_ns,
    sum(audit_time_ns) FILTER (WHERE NOT known) AS audit_time_ns
  FROM part GROUP BY task_id
),
-- Of one network the first trial at a rung counts, the others are redundant.
distinct_networks AS (
  SELECT task_id, sum(trials) - count(*) AS redundant
  FROM (SELECT task_id, count(*) AS trials FROM part
        WHERE known OR state = 'accepted'
        GROUP BY task_id, architecture_id, rung) AS network
  GROUP BY task_id
),
explored AS (
  SELECT task_id, count(*) AS subspaces
  FROM (SELECT DISTINCT task_id, subspace_id FROM part
        WHERE known OR state = 'accepted') AS box
  GROUP BY task_id
),
boxes AS (
  SELECT task_id, count(*) AS subspaces
  FROM subspace WHERE task_id IN (SELECT id FROM ended) GROUP BY task_id
),
reasons AS (
  SELECT task_id, array_agg(word ORDER BY reason, turn) AS list
  FROM (SELECT task_id, reason, count(*) AS trials FROM part
        WHERE NOT known AND state = 'rejected'
        GROUP BY task_id, reason) AS one
    CROSS JOIN LATERAL (VALUES (1, reason), (2, trials::text)) AS v (turn, word)
  GROUP BY task_id
),
-- The chance that the draws would have missed an account's faked tenth is a
-- product of what each of them would have missed: few of these differ.
missed AS (
  SELECT task_id, account_id,
    exp(sum(trials * ln(1 - least(draw_ppm, 1000000) / 10000000.0))) AS chance
  FROM (SELECT task_id, account_id, draw_ppm, count(*) AS trials FROM part
        WHERE NOT known AND draw_ppm > 0
        GROUP BY task_id, account_id, draw_ppm) AS one
  GROUP BY task_id, account_id
),
share AS (
  SELECT task_id, account_id,
    count(*) FILTER (WHERE state = 'accepted') AS accepted,
    count(*) FILTER (WHERE state = 'rejected') AS rejected,
    coalesce(sum(work_units) FILTER (WHERE state = 'accepted'), 0) AS units,
    sum(payout) AS payout,
    count(*) FILTER (
      WHERE state = 'accepted' AND basis IN ('audited', 'replayed')) AS audited,
    coalesce(sum(work_units) FILTER (WHERE state = 'accepted' AND matured), 0)
      AS matured
  FROM part WHERE NOT known GROUP BY task_id, account_id
),
shares AS (
  SELECT task_id, array_agg(number ORDER BY account_id, turn) AS list
  FROM share LEFT JOIN missed USING (task_id, account_id)
    CROSS JOIN LATERAL (VALUES
      (1, account_id), (2, accepted), (3, rejected), (4, units::bigint),
      (5, payout::bigint), (6, audited), (7, matured::bigint),
      (8, trunc(1000000 * (1 - coalesce(chance, 1)))::bigint)
    ) AS v (turn, number)
  GROUP BY task_id
),
-- Of one network the result of the furthest rung counts, and of several there
-- the one committed first.
result AS (
  SELECT DISTINCT ON (task_id, architecture_id) task_id, id, macs,
    verified_accuracy_ppm AS ppm
  FROM part
  WHERE state = 'accepted' AND coalesce(basis, 'none') <> 'unverified'
    AND NOT barred AND NOT at_chance AND verified_accuracy_ppm IS NOT NULL
  ORDER BY task_id, architecture_id, rung DESC, commit_time NULLS FIRST, id
),
front AS (
  SELECT task_id, array_agg(id ORDER BY macs) AS list, max(ppm) AS best_ppm
  FROM (SELECT task_id, id, macs, ppm,
          max(ppm) OVER (PARTITION BY task_id ORDER BY macs, ppm DESC, id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS cheaper_ppm
        FROM result) AS one
  WHERE cheaper_ppm IS NULL OR ppm > cheaper_ppm
  GROUP BY task_id
)
SELECT ended.id, coalesce(boxes.subspaces, 0), coalesce(explored.subspaces, 0),
  coalesce(known, 0), coalesce(assigned, 0), coalesce(pending, 0),
  coalesce(accepted, 0), coalesce(at_chance, 0), coalesce(diverged, 0),
  coalesce(rejected, 0), coalesce(abandoned, 0), coalesce(redundant, 0),
  coalesce(reasons.list, '{}'), coalesce(units, 0),
  coalesce(training_time_ns, 0), coalesce(audit_time_ns, 0),
  coalesce(shares.list, '{}'), coalesce(front.list, '{}'), front.best_ppm
FROM ended
  LEFT JOIN sums ON sums.task_id = ended.id
  LEFT JOIN distinct_networks ON distinct_networks.task_id = ended.id
  LEFT JOIN explored ON explored.task_id = ended.id
  LEFT JOIN boxes ON boxes.task_id = ended.id
  LEFT JOIN reasons ON reasons.task_id = ended.id
  LEFT JOIN shares ON shares.task_id = ended.id
  LEFT JOIN front ON front.task_id = ended.id;
