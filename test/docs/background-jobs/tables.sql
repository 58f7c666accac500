CREATE TABLE users (
  id serial PRIMARY KEY,
  polar_id text UNIQUE NOT NULL,
  email text,
  polar_login_id text NOT NULL,
  polar_disconnected text,
  organizations text[]
);
