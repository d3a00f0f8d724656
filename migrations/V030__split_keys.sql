-- By which key a dataset's splits were drawn from its client's files: with it and
-- the files a client makes the same splits again.

ALTER TABLE dataset ADD COLUMN split_key bytea
  CONSTRAINT dataset_split_key_size CHECK (octet_length(split_key) = 32);
COMMENT ON COLUMN dataset.split_key IS
  'what the draw of its splits follows from; NULL: nobody noted it';
