-- Which pool's database this is: everything derived from the pool's secret, the
-- receipts' signatures among it, holds with that secret alone.

CREATE TABLE pool_identity (
  id bigint CONSTRAINT pool_identity_pkey PRIMARY KEY,
  secret_fingerprint bytea NOT NULL,
  CONSTRAINT pool_identity_single CHECK (id = 1),
  CONSTRAINT pool_identity_fingerprint_size
    CHECK (octet_length(secret_fingerprint) = 32)
);
