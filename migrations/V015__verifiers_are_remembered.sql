-- How each verifier did where its findings were compared with others', or where
-- the pool tried it: there is a row from the first of these on.

CREATE TABLE verifier (
  account_id bigint NOT NULL CONSTRAINT verifier_account_fkey REFERENCES account,
  name text NOT NULL,
  agreed bigint NOT NULL,
  outvoted bigint NOT NULL,
  planted_passed bigint NOT NULL,
  planted_failed bigint NOT NULL,
  planted_owed bigint NOT NULL,
  CONSTRAINT verifier_pkey PRIMARY KEY (account_id, name),
  CONSTRAINT verifier_counts_not_negative CHECK (
    agreed >= 0 AND outvoted >= 0 AND planted_passed >= 0
    AND planted_failed >= 0 AND planted_owed >= 0)
);
