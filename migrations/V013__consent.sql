-- Whose splits may name an account, and whether clients see its name.

ALTER TABLE account
  ADD COLUMN shares_from bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN is_public bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT account_is_public_is_bool CHECK (is_public IN (0, 1));

-- Splits that are there go on: accounts and parts stand in them by turns.
UPDATE account AS taker SET shares_from = agreed.payers
  FROM (
    SELECT named.account_id, array_agg(payer.id ORDER BY payer.id) AS payers
      FROM account AS payer,
        unnest(payer.revenue_split) WITH ORDINALITY AS named (account_id, place)
      WHERE named.place % 2 = 1 AND named.account_id <> payer.id
      GROUP BY named.account_id) AS agreed
  WHERE taker.id = agreed.account_id;
