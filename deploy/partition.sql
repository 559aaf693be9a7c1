-- Split the table of sessions into 16 hash partitions by sid, for hundreds of millions of rows.
--
-- Stop the site, make a backup, and run: psql --single-transaction -v ON_ERROR_STOP=1 -f deploy/partition.sql
-- A refresh names the sid, so PostgreSQL reads one partition. A primary key of a partitioned table
-- contains the partition key, so the key becomes (id, sid): the sequence keeps the ids unique. A
-- foreign key cannot refer to the id alone, so the one of the service secrets is dropped. Django
-- notices none of it. A later migration that refers to the dropped key needs the same care.

ALTER TABLE tokens_devicesession RENAME TO tokens_devicesession_whole;

DO $$
DECLARE found record;
BEGIN
    -- Foreign keys to the old table.
    FOR found IN
        SELECT conrelid::regclass AS place, conname FROM pg_constraint
        WHERE confrelid = 'tokens_devicesession_whole'::regclass AND contype = 'f'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.place, found.conname);
    END LOOP;
END $$;

CREATE TABLE tokens_devicesession (
    LIKE tokens_devicesession_whole INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING CONSTRAINTS
) PARTITION BY HASH (sid);

DO $$
BEGIN
    FOR remainder IN 0..15 LOOP
        EXECUTE format(
            'CREATE TABLE tokens_devicesession_%s PARTITION OF tokens_devicesession'
            ' FOR VALUES WITH (MODULUS 16, REMAINDER %s) WITH (fillfactor = 80)',
            remainder, remainder);
    END LOOP;
END $$;

INSERT INTO tokens_devicesession SELECT * FROM tokens_devicesession_whole;

CREATE SEQUENCE tokens_devicesession_number OWNED BY tokens_devicesession.id;
SELECT setval(
    'tokens_devicesession_number',
    (SELECT coalesce(max(id), 0) + 1 FROM tokens_devicesession_whole),
    false);
DROP TABLE tokens_devicesession_whole;

ALTER TABLE tokens_devicesession
    ALTER id SET DEFAULT nextval('tokens_devicesession_number'),
    ADD PRIMARY KEY (id, sid),
    ADD CONSTRAINT tokens_devicesession_sid_key UNIQUE (sid),
    ADD CONSTRAINT tokens_devicesession_user_fk FOREIGN KEY (user_id)
        REFERENCES accounts_user (id) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX tokens_devicesession_user ON tokens_devicesession (user_id);
CREATE INDEX tokens_session_expires ON tokens_devicesession (expires_at);
CREATE INDEX tokens_session_of_user ON tokens_devicesession (user_id) WHERE revoked_at IS NULL;
CREATE INDEX tokens_session_reason ON tokens_devicesession (revoked_reason, id DESC)
    WHERE revoked_reason <> '';
CREATE INDEX tokens_session_revoked ON tokens_devicesession (revoked_at)
    WHERE revoked_at IS NOT NULL;
CREATE INDEX tokens_session_roles ON tokens_devicesession (roles_changed_at)
    WHERE roles_changed_at IS NOT NULL;
