CREATE TABLE polar_tokens (
  login_id text PRIMARY KEY,
  generation bigint NOT NULL,
  sealed text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE TABLE polar_locks (
  key text PRIMARY KEY,
  owner text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE TABLE users (
  id serial PRIMARY KEY,
  polar_id text UNIQUE NOT NULL,
  email text,
  polar_login_id text NOT NULL,
  polar_disconnected text,
  organizations text[]
);
