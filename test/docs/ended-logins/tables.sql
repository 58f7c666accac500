CREATE TABLE users (
  id serial PRIMARY KEY,
  polar_id text UNIQUE NOT NULL,
  name text NOT NULL,
  locked boolean NOT NULL DEFAULT false
);
CREATE TABLE logins (
  login_id text PRIMARY KEY,
  user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
  device text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX logins_user_id ON logins (user_id);
