/*
 * The table `builds` is exactly the original's. The original ignores the other tables.
 * `rc` is the number of a layer's dependents. It is maintained for the original only; this store counts the rows.
 */
export const schema = `
  CREATE TABLE IF NOT EXISTS builds (
    id       TEXT PRIMARY KEY,
    created  DATETIME NOT NULL,
    used     DATETIME NOT NULL,
    rc       INTEGER NOT NULL,
    parent   TEXT,
    FOREIGN KEY (parent) REFERENCES builds (id) ON DELETE RESTRICT
  );
  CREATE INDEX IF NOT EXISTS lru ON builds (rc, used);
  CREATE INDEX IF NOT EXISTS builds_by_parent ON builds (parent);
  CREATE TABLE IF NOT EXISTS pending_layers (id TEXT PRIMARY KEY, parent TEXT);
  CREATE TABLE IF NOT EXISTS base_images (
    name      TEXT NOT NULL,
    size      INTEGER NOT NULL,
    mtime_ns  INTEGER NOT NULL,
    id        TEXT NOT NULL,
    sha256    TEXT,
    PRIMARY KEY (name, size, mtime_ns)
  );
  CREATE INDEX IF NOT EXISTS base_images_by_id ON base_images (id);
  CREATE TABLE IF NOT EXISTS layer_digests (
    id        TEXT NOT NULL,
    size      INTEGER NOT NULL,
    mtime_ns  INTEGER NOT NULL,
    sha256    TEXT NOT NULL,
    of_file   INTEGER NOT NULL,
    PRIMARY KEY (id, size, mtime_ns, sha256)
  );
  CREATE TABLE IF NOT EXISTS layer_tags (name TEXT PRIMARY KEY, id TEXT NOT NULL, created DATETIME NOT NULL);
  CREATE INDEX IF NOT EXISTS layer_tags_by_id ON layer_tags (id);
  CREATE TABLE IF NOT EXISTS layer_renewals (id TEXT PRIMARY KEY, renewed TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS layer_steps (
    id            TEXT PRIMARY KEY,
    op            TEXT NOT NULL,
    heading       TEXT NOT NULL,
    inputs        TEXT NOT NULL,
    milliseconds  INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS build_records (
    id          TEXT PRIMARY KEY,
    spec        TEXT NOT NULL,
    context     TEXT NOT NULL,
    started     TEXT NOT NULL,
    finished    TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    layer       TEXT,
    error_code  TEXT,
    steps       TEXT NOT NULL
  );
`;

export const familyQuery = `
  WITH RECURSIVE family(id, depth) AS (
    VALUES (:id, 0)
    UNION ALL
    SELECT b.id, f.depth + 1 FROM builds b JOIN family f ON b.parent = f.id
  )
  SELECT id FROM family WHERE id <> :id OR EXISTS (SELECT 1 FROM builds WHERE id = :id) ORDER BY depth DESC
`;

export const unusedQuery = `
  SELECT id FROM builds b
  WHERE used < :before AND NOT EXISTS (SELECT 1 FROM builds c WHERE c.parent = b.id)
    AND (:tagged = 1 OR NOT EXISTS (SELECT 1 FROM layer_tags t WHERE t.id = b.id))
  ORDER BY used, rowid
  LIMIT :limit
`;

export const listQuery = `
  SELECT id, parent, created, used, (SELECT count(*) FROM builds c WHERE c.parent = b.id) AS dependents
  FROM builds b ORDER BY used, rowid
`;
